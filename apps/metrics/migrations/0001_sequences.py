"""The sequences behind the numbers of metrics, segments and parts."""

from django.db import migrations

NAMES = ("metrics_metric_number_seq", "metrics_point_segment_id_seq", "metrics_point_chunk_part_seq")


class Migration(migrations.Migration):
    initial = True
    dependencies: list[tuple[str, str]] = []
    operations = [
        migrations.RunSQL(f"CREATE SEQUENCE {name} AS bigint", f"DROP SEQUENCE {name}") for name in NAMES
    ]
