-- Metrics on Citus: run once on the coordinator, after the migrations, with the services stopped.
--
-- A shard is the storage of one organization, or of one of its lanes (`policy.lanes`). All tables below carry
-- shard_id in every key and lie together: a request is one row on one node, a compaction one local transaction.
-- metrics_metric and metrics_policy stay on the coordinator; no foreign key leads from one group to the other.
-- Not tried against a Citus cluster yet: the embedded PostgreSQL has no such extension.

SELECT create_distributed_table('metrics_shard', 'shard_id');
SELECT create_distributed_table('metrics_point_segment', 'shard_id', colocate_with => 'metrics_shard');
SELECT create_distributed_table('metrics_point_chunk', 'shard_id', colocate_with => 'metrics_shard');
SELECT create_distributed_table('metrics_rollup', 'shard_id', colocate_with => 'metrics_shard');
SELECT create_distributed_table('metrics_metric_stat', 'shard_id', colocate_with => 'metrics_shard');
SELECT create_distributed_table('metrics_shard_day', 'shard_id', colocate_with => 'metrics_shard');
