"""The raw tables: partitioned by run, without models, written by COPY and read by dbt."""

from django.db import migrations

from apps.signals.raw_schema import RAW_TABLES


class Migration(migrations.Migration):
    dependencies = [("signals", "0001_initial")]
    operations = [
        *(migrations.RunSQL(table.create_sql, f"DROP TABLE {table.name}") for table in RAW_TABLES),
        *(
            migrations.RunSQL(table.index_sql, migrations.RunSQL.noop)
            for table in RAW_TABLES
            if table.index_sql
        ),
    ]
