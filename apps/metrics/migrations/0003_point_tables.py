"""The tables of points: segments, chunks by day, rollups by month, ends of metrics, days; and metric_guard."""

from django.db import migrations

SEGMENT = """
CREATE TABLE metrics_point_segment (
    shard_id bigint NOT NULL,
    id bigint NOT NULL DEFAULT nextval('metrics_point_segment_id_seq'),
    received_at timestamptz NOT NULL,
    point_count integer NOT NULL,
    min_at bigint NOT NULL,
    max_at bigint NOT NULL,
    min_number bigint NOT NULL,
    max_number bigint NOT NULL,
    idempotency_key bytea,
    payload bytea NOT NULL,
    PRIMARY KEY (shard_id, id),
    CONSTRAINT metrics_point_segment_count CHECK (point_count > 0)
)
"""

# Payloads are compressed already: PostgreSQL must not try again.
SEGMENT_STORAGE = "ALTER TABLE metrics_point_segment ALTER COLUMN payload SET STORAGE EXTERNAL"

CHUNK = """
CREATE TABLE metrics_point_chunk (
    shard_id bigint NOT NULL,
    number bigint NOT NULL,
    day date NOT NULL,
    part bigint NOT NULL,
    level smallint NOT NULL,
    point_count integer NOT NULL,
    min_value double precision NOT NULL,
    max_value double precision NOT NULL,
    first_at bigint NOT NULL,
    last_at bigint NOT NULL,
    payload bytea NOT NULL,
    PRIMARY KEY (shard_id, number, day, part),
    CONSTRAINT metrics_point_chunk_count CHECK (point_count > 0),
    CONSTRAINT metrics_point_chunk_min CHECK (min_value > '-Infinity'),
    CONSTRAINT metrics_point_chunk_max CHECK (max_value < 'Infinity')
) PARTITION BY RANGE (day)
"""

CHUNK_STORAGE = "ALTER TABLE metrics_point_chunk ALTER COLUMN payload SET STORAGE EXTERNAL"

ROLLUP = """
CREATE TABLE metrics_rollup (
    shard_id bigint NOT NULL,
    number bigint NOT NULL,
    width_s smallint NOT NULL,
    start_at bigint NOT NULL,
    point_count bigint NOT NULL,
    sum_parts double precision[] NOT NULL,
    min double precision NOT NULL,
    max double precision NOT NULL,
    first double precision NOT NULL,
    last double precision NOT NULL,
    first_at bigint NOT NULL,
    last_at bigint NOT NULL,
    sketch bytea NOT NULL,
    PRIMARY KEY (shard_id, number, width_s, start_at),
    CONSTRAINT metrics_rollup_width CHECK (width_s IN (900, 3600)),
    CONSTRAINT metrics_rollup_count CHECK (point_count > 0),
    CONSTRAINT metrics_rollup_min CHECK (min > '-Infinity'),
    CONSTRAINT metrics_rollup_max CHECK (max < 'Infinity')
) PARTITION BY RANGE (start_at)
"""

STAT = """
CREATE TABLE metrics_metric_stat (
    shard_id bigint NOT NULL,
    number bigint NOT NULL,
    first_at bigint NOT NULL,
    last_at bigint NOT NULL,
    last_value double precision NOT NULL,
    last_received_at timestamptz NOT NULL,
    PRIMARY KEY (shard_id, number)
) WITH (fillfactor = 70)
"""

DAY = """
CREATE TABLE metrics_shard_day (
    shard_id bigint NOT NULL,
    day date NOT NULL,
    epoch bigint NOT NULL,
    point_count bigint NOT NULL,
    PRIMARY KEY (shard_id, day),
    CONSTRAINT metrics_shard_day_count CHECK (point_count >= 0)
) WITH (fillfactor = 70)
"""

# Points are stored under number and shard, and read by type: changing one of these would change history.
GUARD = """
CREATE FUNCTION metrics_metric_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.id, NEW.number, NEW.organization_id, NEW.shard_id, NEW.name, NEW.tags, NEW.key, NEW.type)
        IS DISTINCT FROM
       (OLD.id, OLD.number, OLD.organization_id, OLD.shard_id, OLD.name, OLD.tags, OLD.key, OLD.type)
    THEN
        RAISE EXCEPTION 'identity and type of a metric never change' USING ERRCODE = 'check_violation',
            CONSTRAINT = 'metrics_metric_guard';
    END IF;
    RETURN NEW;
END
$$
"""

GUARDED = """
CREATE TRIGGER metric_guard BEFORE UPDATE ON metrics_metric
    FOR EACH ROW EXECUTE FUNCTION metrics_metric_guard()
"""


class Migration(migrations.Migration):
    dependencies = [("metrics", "0002_initial")]
    operations = [
        migrations.RunSQL(SEGMENT, "DROP TABLE metrics_point_segment"),
        migrations.RunSQL(SEGMENT_STORAGE, migrations.RunSQL.noop),
        migrations.RunSQL(CHUNK, "DROP TABLE metrics_point_chunk"),
        migrations.RunSQL(CHUNK_STORAGE, migrations.RunSQL.noop),
        migrations.RunSQL(ROLLUP, "DROP TABLE metrics_rollup"),
        migrations.RunSQL(STAT, "DROP TABLE metrics_metric_stat"),
        migrations.RunSQL(DAY, "DROP TABLE metrics_shard_day"),
        migrations.RunSQL(GUARD, "DROP FUNCTION metrics_metric_guard()"),
        migrations.RunSQL(GUARDED, "DROP TRIGGER metric_guard ON metrics_metric"),
    ]
