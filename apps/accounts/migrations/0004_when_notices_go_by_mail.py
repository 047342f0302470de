from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0003_base_tables_of_people"),
    ]

    operations = [
        migrations.AddField(
            model_name="notification",
            name="is_in_app",
            field=models.BooleanField(db_default=True, default=True),
        ),
        migrations.AddField(
            model_name="notification",
            name="mail_due_at",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddIndex(
            model_name="notification",
            index=models.Index(
                condition=models.Q(("emailed_at__isnull", True), ("mail_due_at__isnull", False)),
                fields=["mail_due_at"],
                name="accounts_notification_mail_due",
            ),
        ),
    ]
