-- Signals on Citus: run once on the coordinator, after the migrations, with the services stopped.
--
-- Every signals_* table holds organization_id in all its unique keys and lies with the others: a hydration, a list,
-- a move of the workflow are local to one node. Primary keys become (organization_id, id) first, which foreign keys
-- between these tables then follow. raw_* and what dbt makes are keyed by run and stay on the coordinator, where dbt
-- works; the foreign key from raw_* to signals_run is given up for that.
-- Not tried against a Citus cluster yet: the embedded PostgreSQL has no such extension.

DO $$
DECLARE
    found record;
BEGIN
    -- Foreign keys to signals_* tables name `id` alone; distributed tables cannot have those.
    FOR found IN
        SELECT conrelid::regclass AS source, conname
        FROM pg_constraint
        WHERE contype = 'f' AND conparentid = 0 AND confrelid::regclass::text LIKE 'signals\_%'
    LOOP
        EXECUTE format('ALTER TABLE %s DROP CONSTRAINT %I', found.source, found.conname);
    END LOOP;
    FOR found IN
        SELECT conrelid::regclass AS source, conname
        FROM pg_constraint
        WHERE contype = 'p' AND conrelid::regclass::text LIKE 'signals\_%'
    LOOP
        EXECUTE format('ALTER TABLE %s DROP CONSTRAINT %I', found.source, found.conname);
        EXECUTE format('ALTER TABLE %s ADD CONSTRAINT %I PRIMARY KEY (organization_id, id)', found.source, found.conname);
    END LOOP;
END
$$;

SELECT create_reference_table('accounts_organization');
SELECT create_reference_table('accounts_user');
SELECT create_distributed_table('signals_graph', 'organization_id');
SELECT create_distributed_table(name, 'organization_id', colocate_with => 'signals_graph')
FROM unnest(ARRAY[
    'signals_run', 'signals_run_load', 'signals_run_file', 'signals_run_finding', 'signals_node', 'signals_edge',
    'signals_dbt_build', 'signals_dbt_result', 'signals_dbt_model', 'signals_signal', 'signals_observation',
    'signals_workflow', 'signals_annotation', 'signals_comment', 'signals_assignment', 'signals_event',
    'signals_read_mark', 'signals_event_read', 'signals_hydration', 'signals_hydration_diff', 'signals_policy',
    'signals_role_type', 'signals_metric_policy'
]) AS name;
