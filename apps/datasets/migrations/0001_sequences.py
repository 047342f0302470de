"""The sequences behind the short numbers of datasets, segments and imports."""

from django.db import migrations

NAMES = ("datasets_dataset_no_seq", "datasets_segment_no_seq", "datasets_import_no_seq")


class Migration(migrations.Migration):
    initial = True
    dependencies: list[tuple[str, str]] = []
    operations = [
        migrations.RunSQL(f"CREATE SEQUENCE {name} AS integer", f"DROP SEQUENCE {name}") for name in NAMES
    ]
