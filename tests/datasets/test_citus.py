"""The statements for Citus name tables that Citus takes: a stand-in for its function judges them."""

import pytest
from django.conf import settings
from django.db import connection

# What Citus asks of a table: every unique key holds the column, no foreign key leads to or from it.
STAND_IN = """
CREATE TABLE distributed (name text PRIMARY KEY);
CREATE FUNCTION create_distributed_table(source regclass, wanted text, colocate_with text DEFAULT 'none')
RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    place smallint;
BEGIN
    SELECT attnum INTO STRICT place FROM pg_attribute WHERE attrelid = source AND attname = wanted;
    IF EXISTS (SELECT FROM pg_index WHERE indrelid = source AND indisunique AND NOT place = ANY (indkey)) THEN
        RAISE EXCEPTION 'a unique key of % lacks %', source, wanted;
    END IF;
    IF EXISTS (SELECT FROM pg_constraint WHERE contype = 'f' AND source IN (conrelid, confrelid)) THEN
        RAISE EXCEPTION 'a foreign key of % is in the way', source;
    END IF;
    IF colocate_with <> 'none' AND NOT EXISTS (SELECT FROM distributed WHERE name = colocate_with) THEN
        RAISE EXCEPTION '% is not distributed yet', colocate_with;
    END IF;
    INSERT INTO distributed VALUES (source::text);
END
$$;
"""


@pytest.mark.django_db
def test_every_unique_key_of_a_distributed_table_holds_the_dataset() -> None:
    statements = (settings.BASE_DIR / "deploy" / "citus" / "datasets.sql").read_text()
    with connection.cursor() as cursor:
        cursor.execute(STAND_IN)
        cursor.execute(statements)
        cursor.execute("SELECT name FROM distributed")
        names = {name for (name,) in cursor.fetchall()}

    assert names == {"datasets_event", "datasets_rollup", "datasets_term", "datasets_reject"}
