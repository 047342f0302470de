-- Code projects on Citus: run once on the coordinator, after the migrations, with the services stopped.
--
-- The five large tables lead every key with organization_id and lie together: a tree, a search for a symbol, the files of
-- a proposal are local to one node. Projects, mirrors, runs, manifests and proposals are few and stay on the coordinator;
-- the foreign keys from the large tables to them are given up for that, and the nightly purge removes what they held.
-- Not tried against a Citus cluster yet: the embedded PostgreSQL has no such extension.

DO $$
DECLARE
    found record;
BEGIN
    FOR found IN
        SELECT conrelid::regclass AS source, conname
        FROM pg_constraint
        WHERE contype = 'f'
            AND conrelid::regclass::text IN (
                'projects_ref', 'projects_file', 'projects_blob_fact', 'projects_symbol', 'projects_proposal_file'
            )
            AND confrelid::regclass::text LIKE 'projects\_%'
    LOOP
        EXECUTE format('ALTER TABLE %s DROP CONSTRAINT %I', found.source, found.conname);
    END LOOP;
END
$$;

SELECT create_reference_table('accounts_organization');
SELECT create_distributed_table('projects_file', 'organization_id');
SELECT create_distributed_table(name, 'organization_id', colocate_with => 'projects_file')
FROM unnest(ARRAY['projects_ref', 'projects_blob_fact', 'projects_symbol', 'projects_proposal_file']) AS name;
