from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    atomic = False

    dependencies = [
        ("signals", "0004_list_indexes"),
    ]

    operations = [
        AddIndexConcurrently(
            model_name="workflow",
            index=models.Index(
                condition=models.Q(("role_type__isnull", False)),
                fields=["organization", "role_type"],
                name="signals_workflow_by_role_type",
            ),
        ),
    ]
