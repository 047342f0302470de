"""Who stores what: shards of an organization, its policy, and the names that a process knows."""

from apps.metrics.catalog.names import Known, OrganizationNames, names_of
from apps.metrics.catalog.policies import policy_of
from apps.metrics.catalog.shards import lane_of, shard_id_of

__all__ = ["Known", "OrganizationNames", "lane_of", "names_of", "policy_of", "shard_id_of"]
