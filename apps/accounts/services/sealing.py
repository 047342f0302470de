"""The sealing of the audit: entries get their places in their chains, and old ones leave from the front.

All of it happens under the row lock of a chain's head, in short transactions: two clocks at once, a late
commit and a kill at any line leave a whole chain. What is not sealed yet is found by its empty sequence, not
by its time, so an entry that commits late simply gets a later place.
"""

import datetime as dt
import uuid
from collections.abc import Sequence
from typing import Final

import structlog
from django.db import DatabaseError, connection, transaction

from apps.accounts.audit_chain import GENESIS, next_hash
from apps.accounts.models import AuditEntry, AuditHead

SEALED_AT_ONCE: Final = 1_000
DROPPED_AT_ONCE: Final = 5_000

# One statement for many rows, each with values of its own.
SEAL: Final = """
UPDATE accounts_audit_entry AS entry SET sequence = sealed.sequence, hash = sealed.hash
FROM unnest(%s::uuid[], %s::bigint[], %s::bytea[]) AS sealed (id, sequence, hash)
WHERE entry.id = sealed.id AND entry.sequence IS NULL
"""

logger = structlog.get_logger(__name__)


def seal_audit() -> int:
    """Seal what is new in every chain; return how many entries. What fails in one chain stops no other."""
    chains = AuditEntry.objects.unsealed().order_by().values_list("organization_id", flat=True).distinct()
    sealed = 0
    for chain_id in chains:
        try:
            sealed += seal_chain(chain_id)
        except DatabaseError:
            # Its organization may have been purged at this moment; otherwise the next tick tries again.
            logger.exception("audit_not_sealed", chain_id=str(chain_id))
    return sealed


def seal_chain(chain_id: uuid.UUID | None) -> int:
    """Seal what is new in one chain, in batches; return how many entries."""
    sealed = 0
    while count := _seal_batch(chain_id):
        sealed += count
    return sealed


def prune_chain(chain_id: uuid.UUID | None, *, before: dt.datetime | None = None) -> int:
    """Drop the sealed beginning of a chain, in batches; return how many entries.

    With `before` everything in front of the first entry that is not older, else all. Nothing behind a younger
    entry goes, even if it is older itself: a chain loses a prefix or nothing.
    """
    dropped = 0
    while count := _drop_batch(chain_id, before):
        dropped += count
    return dropped


def prune_audit(*, before: dt.datetime) -> int:
    """Drop what is older from the front of every chain; return how many entries."""
    chains = list(AuditHead.objects.order_by("pk").values_list("organization_id", flat=True))
    return sum(prune_chain(chain_id, before=before) for chain_id in chains)


def count_prunable(*, before: dt.datetime) -> int:
    """Return how many entries `prune_audit` would drop."""
    heads = AuditHead.objects.order_by("pk").only("organization_id", "pruned_sequence")
    ends = ((head, chain_end(head.organization_id, before)) for head in heads)
    return sum(max(end - head.pruned_sequence, 0) for head, end in ends)


def chain_end(chain_id: uuid.UUID | None, before: dt.datetime | None) -> int:
    """Return the sequence up to which a chain may be dropped."""
    sealed = AuditEntry.objects.of_chain(chain_id).sealed()
    if before is not None:
        first_kept = sealed.filter(created_at__gte=before).order_by("sequence").first()
        if first_kept is not None and first_kept.sequence is not None:
            return first_kept.sequence - 1
    last = sealed.order_by("-sequence").values_list("sequence", flat=True).first()
    return last or 0


@transaction.atomic
def _seal_batch(chain_id: uuid.UUID | None) -> int:
    head = _locked_head(chain_id)
    # Read after the lock: what another clock has sealed meanwhile is seen as sealed.
    unsealed = AuditEntry.objects.of_chain(chain_id).unsealed().order_by("created_at", "pk")
    entries = list(unsealed[:SEALED_AT_ONCE])
    if not entries:
        return 0
    sequence, last_hash = head.sequence, bytes(head.hash)
    hashes = []
    for entry in entries:
        last_hash = next_hash(last_hash, entry)
        hashes.append(last_hash)
    _write(entries, range(sequence + 1, sequence + 1 + len(entries)), hashes)
    head.sequence, head.hash = sequence + len(entries), last_hash
    head.save(update_fields=["sequence", "hash", "updated_at"])
    return len(entries)


def _write(entries: Sequence[AuditEntry], sequences: Sequence[int], hashes: Sequence[bytes]) -> None:
    with connection.cursor() as cursor:
        cursor.execute(SEAL, [[entry.pk for entry in entries], list(sequences), list(hashes)])


@transaction.atomic
def _drop_batch(chain_id: uuid.UUID | None, before: dt.datetime | None) -> int:
    head = _locked_head(chain_id)
    end = chain_end(chain_id, before)
    droppable = AuditEntry.objects.of_chain(chain_id).filter(sequence__lte=end).order_by("sequence")
    entries = list(droppable.only("pk", "sequence", "hash")[:DROPPED_AT_ONCE])
    if not entries:
        return 0
    # The head goes first: the trigger lets go only of what it says is pruned.
    head.pruned_sequence, head.pruned_hash = entries[-1].sequence or 0, bytes(entries[-1].hash or b"")
    head.save(update_fields=["pruned_sequence", "pruned_hash", "updated_at"])
    return AuditEntry.objects.filter(pk__in=[entry.pk for entry in entries]).delete()[0]


def _locked_head(chain_id: uuid.UUID | None) -> AuditHead:
    heads = AuditHead.objects.of_chain(chain_id).select_for_update()
    head = heads.first()
    if head is None:
        fresh = AuditHead(organization_id=chain_id, hash=GENESIS, pruned_hash=GENESIS)
        # Another clock may make it at this moment.
        AuditHead.objects.bulk_create([fresh], ignore_conflicts=True)
        head = heads.get()
    return head
