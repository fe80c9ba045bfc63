from typing import Any

from django.db import migrations, models
from django.db.models import F


def _known(apps: Any, _editor: Any) -> None:
    rows = apps.get_model("archive", "Archive").objects.filter(round_ended_at__gte=F("round_started_at"))
    rows.update(whole_at=F("round_started_at"))


class Migration(migrations.Migration):
    dependencies = [("archive", "0002_owners_and_looks")]

    operations = [
        migrations.AddField("archive", "whole_at", models.DateTimeField(blank=True, null=True)),
        migrations.RunPython(_known, migrations.RunPython.noop),
    ]
