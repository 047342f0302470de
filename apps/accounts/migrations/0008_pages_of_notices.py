from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0007_audit_guard"),
    ]

    operations = [
        migrations.AddField(
            model_name="notification",
            name="page",
            field=models.CharField(blank=True, db_default="", default="", max_length=300),
        ),
    ]
