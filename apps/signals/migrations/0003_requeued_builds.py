"""A build that goes back to its queue does so beside one that was queued meanwhile."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("signals", "0002_raw_tables")]
    operations = [
        migrations.RemoveConstraint(model_name="dbtbuild", name="signals_dbt_build_queued"),
        migrations.AddConstraint(
            model_name="dbtbuild",
            constraint=models.UniqueConstraint(
                condition=models.Q(status="queued", started_at__isnull=True),
                fields=("organization", "schema", "select", "full_refresh"),
                name="signals_dbt_build_queued",
            ),
        ),
    ]
