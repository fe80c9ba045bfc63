from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("monitor", "0003_operations")]

    operations = [
        migrations.AddField(model_name="hook", name="online", field=models.PositiveBigIntegerField(default=0)),
        migrations.AddField(model_name="hook", name="messages", field=models.PositiveBigIntegerField(default=0)),
        migrations.AddField(model_name="hook", name="offline", field=models.PositiveBigIntegerField(default=0)),
        migrations.AddField(model_name="hook", name="made_at", field=models.DateTimeField(blank=True, null=True)),
        migrations.AddField(model_name="hook", name="made_by", field=models.CharField(blank=True, max_length=150)),
    ]
