"""The event table: LIST partitions by slab, eight of them shared; and the parent-cell function."""

from django.db import migrations

TABLE = """
CREATE TABLE datasets_event (
    cell bigint NOT NULL,
    occurred_at timestamptz NOT NULL,
    external_hash bigint,
    value double precision,
    dataset_no integer NOT NULL,
    slab integer NOT NULL,
    segment_no integer NOT NULL,
    event_no integer NOT NULL,
    lat_e7 integer NOT NULL,
    lon_e7 integer NOT NULL,
    category_no smallint NOT NULL,
    label_no smallint,
    precision smallint NOT NULL
) PARTITION BY LIST (slab)
"""

# Makes every map query index-only.
MAP_INDEX = """
CREATE INDEX datasets_event_map ON datasets_event (dataset_no, segment_no, cell, occurred_at)
    INCLUDE (event_no, value, category_no, label_no, precision)
"""

EXTERNAL_INDEX = """
CREATE INDEX datasets_event_external ON datasets_event (dataset_no, segment_no, external_hash)
    WHERE external_hash IS NOT NULL
"""

SLAB = "CREATE TABLE datasets_event_slab_{slab} PARTITION OF datasets_event FOR VALUES IN ({slab})"

# The parent's index: resolution bits replaced, the digits below it set to 7.
PARENT = """
CREATE FUNCTION datasets_h3_parent(cell bigint, resolution integer) RETURNS bigint
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN (cell & ~(15::bigint << 52)) | (resolution::bigint << 52)
         | ((1::bigint << (3 * (15 - resolution))) - 1)
"""


class Migration(migrations.Migration):
    dependencies = [("datasets", "0002_initial")]
    operations = [
        migrations.RunSQL(TABLE, "DROP TABLE datasets_event"),
        migrations.RunSQL(MAP_INDEX, migrations.RunSQL.noop),
        migrations.RunSQL(EXTERNAL_INDEX, migrations.RunSQL.noop),
        *(migrations.RunSQL(SLAB.format(slab=slab), migrations.RunSQL.noop) for slab in range(8)),
        migrations.RunSQL(PARENT, "DROP FUNCTION datasets_h3_parent(bigint, integer)"),
    ]
