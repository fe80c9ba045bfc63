from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("monitor", "0002_samples")]

    operations = [
        migrations.AddField(
            model_name="operation", name="runner", field=models.CharField(blank=True, max_length=32)
        ),  # fmt: skip
        migrations.AddField(
            model_name="operationtarget", name="tries", field=models.PositiveSmallIntegerField(default=0)
        ),
    ]
