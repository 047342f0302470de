-- Places on Citus: run once on the coordinator, after the migrations, with the services stopped; and set
-- DATASETS_OWN_TABLE_MIN_ROWS=0 for web, worker and clock, for a table attached later would not be distributed.
--
-- The four tables that grow with the data hold dataset_no in every key and lie together: a map, a chunk of an import,
-- its evidence are local to one node. datasets_event takes its partitions, the shared slabs, along. All other tables
-- stay on the coordinator; no foreign key leads from one group to the other.
-- Not tried against a Citus cluster yet: the embedded PostgreSQL has no such extension.

SELECT create_distributed_table('datasets_event', 'dataset_no');
SELECT create_distributed_table('datasets_rollup', 'dataset_no', colocate_with => 'datasets_event');
SELECT create_distributed_table('datasets_term', 'dataset_no', colocate_with => 'datasets_event');
SELECT create_distributed_table('datasets_reject', 'dataset_no', colocate_with => 'datasets_event');
