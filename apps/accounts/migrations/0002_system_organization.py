"""Make the installation's own organization, in which operators act on what belongs to nobody else."""

from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps


def create_system(apps: StateApps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    organizations = apps.get_model("accounts", "Organization").objects
    organizations.get_or_create(slug="system", defaults={"name": "System"})


class Migration(migrations.Migration):
    dependencies = [("accounts", "0001_initial")]
    operations = [migrations.RunPython(create_system, migrations.RunPython.noop, elidable=False)]
