"""Take everybody who is there already as verified: before this release addresses were not confirmed at all.

Without it nobody of an upgraded installation could sign in (`auth.email_unverified`).
"""

from typing import Final

from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps
from django.db.models import F

BATCH_ROWS: Final = 5_000


def verify_users(apps: StateApps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    users = apps.get_model("accounts", "User").objects.filter(email_verified_at=None)
    while batch := list(users.order_by("pk").values_list("pk", flat=True)[:BATCH_ROWS]):
        users.filter(pk__in=batch).update(email_verified_at=F("created_at"))


class Migration(migrations.Migration):
    # Each batch is a transaction of its own, so no row is locked for longer than its batch.
    atomic = False
    dependencies = [("accounts", "0010_account_requests")]
    operations = [migrations.RunPython(verify_users, migrations.RunPython.noop, elidable=False)]
