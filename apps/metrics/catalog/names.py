"""The names that this process knows: from key to number, so that a write of known metrics asks nothing.

What is known is a hint. Every write compares the `catalog_version` of the shard in its own statement: it
grows when a metric is deleted, restored or changed, and what was known before is then forgotten.
"""

import threading
import uuid
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from django.conf import settings

from apps.metrics.metric_types import MetricType


@dataclass(frozen=True, slots=True)
class Known:
    """What a write must know of a metric."""

    id: uuid.UUID
    number: int
    shard_id: int
    type: MetricType


@dataclass(slots=True)
class OrganizationNames:
    """The known metrics of one organization, and the catalog versions of the shards they were read at."""

    versions: dict[int, int] = field(default_factory=dict)
    known: dict[str, Known] = field(default_factory=dict)

    def learn(self, versions: Mapping[int, int], found: Mapping[str, Known]) -> None:
        """Remember committed metrics; if a shard has moved on, forget what was known before."""
        if any(self.versions.get(shard_id, version) != version for shard_id, version in versions.items()):
            self.known = {}
            self.versions = {}
        self.versions |= versions
        self.known |= found

    def forget(self) -> None:
        """Know nothing any more."""
        # Replaced, not cleared: another thread may be reading.
        self.known, self.versions = {}, {}


_lock = threading.Lock()
_organizations: OrderedDict[uuid.UUID, OrganizationNames] = OrderedDict()


def names_of(organization_id: uuid.UUID) -> OrganizationNames:
    """Return what this process knows of an organization's metrics; used last, dropped last."""
    with _lock:
        found = _organizations.setdefault(organization_id, OrganizationNames())
        _organizations.move_to_end(organization_id)
        _make_room(_organizations.values())
        return found


def _make_room(organizations: Iterable[OrganizationNames]) -> None:
    """Forget those used longest ago while more names are known than may be."""
    held = sum(len(names.known) for names in organizations)
    for names in list(organizations):
        if held <= settings.METRICS_NAME_CACHE:
            return
        held -= len(names.known)
        names.forget()
