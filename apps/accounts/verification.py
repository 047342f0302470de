"""Whether the audit is what was sealed: every chain walked from its first kept entry to its head."""

import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from apps.accounts.audit_chain import GENESIS, next_hash
from apps.accounts.models import AuditEntry, AuditHead, Organization
from apps.accounts.models.organization import SYSTEM_SLUG

READ_AT_ONCE: Final = 2_000


@dataclass(frozen=True, slots=True)
class ChainHead:
    """The end of a chain, to be noted down elsewhere by whoever trusts nobody here."""

    sequence: int
    hash: str


@dataclass(frozen=True, slots=True)
class ChainReport:
    """What a walk along one chain found.

    `broken_at` is the sequence of the first entry that is missing or not what was sealed there; `entries` is
    the number of good ones before it. `unsealed` entries wait for the clock, some seconds.
    """

    organization: str
    valid: bool
    entries: int
    head: ChainHead
    broken_at: int | None
    unsealed: int


def verify_chains() -> Iterator[ChainReport]:
    """Yield the report of the installation's chain, then of every organization's, deleted ones included."""
    yield verify_chain(Organization.objects.get(slug=SYSTEM_SLUG))
    for organization in Organization.objects.exclude(slug=SYSTEM_SLUG).order_by("slug").iterator():
        yield verify_chain(organization)


def verify_chain(organization: Organization) -> ChainReport:
    """Return whether an organization's chain is whole (of `system`: the installation's). Flat in memory."""
    chain_id = organization.chain_id
    while True:
        head = _head_of(chain_id)
        good, broken_at = _walk(chain_id, head)
        # What pruning dropped while we walked is no break: begin again behind it.
        if broken_at is None or _head_of(chain_id).pruned_sequence < broken_at:
            break
    return ChainReport(
        organization=organization.slug,
        valid=broken_at is None,
        entries=good,
        head=ChainHead(head.sequence, bytes(head.hash).hex()),
        broken_at=broken_at,
        unsealed=AuditEntry.objects.of_chain(chain_id).unsealed().count(),
    )


def _walk(chain_id: uuid.UUID | None, head: AuditHead) -> tuple[int, int | None]:
    """Return the number of good entries, and where the chain breaks, if it does."""
    sequence, last_hash = head.pruned_sequence, bytes(head.pruned_hash)
    for entry in _sealed_entries(chain_id, head):
        last_hash = next_hash(last_hash, entry)
        if entry.sequence != sequence + 1 or bytes(entry.hash or b"") != last_hash:
            return sequence - head.pruned_sequence, sequence + 1
        sequence += 1
    is_whole = sequence == head.sequence and last_hash == bytes(head.hash)
    # At the very end it is the head itself that was changed; it is named by its own sequence.
    broken_at = None if is_whole else min(sequence + 1, max(head.sequence, 1))
    return sequence - head.pruned_sequence, broken_at


def _sealed_entries(chain_id: uuid.UUID | None, head: AuditHead) -> Iterator[AuditEntry]:
    """Yield a chain's entries in order, in batches that need no cursor of the server.

    Entries sealed since the head was read are left out, unless there is no head that could tell.
    """
    entries = AuditEntry.objects.of_chain(chain_id).sealed().order_by("sequence")
    if head.sequence:
        entries = entries.filter(sequence__lte=head.sequence)
    last = head.pruned_sequence
    while batch := list(entries.filter(sequence__gt=last)[:READ_AT_ONCE]):
        yield from batch
        last = batch[-1].sequence or 0


def _head_of(chain_id: uuid.UUID | None) -> AuditHead:
    """Return a chain's head; before anything is sealed, one at the very beginning."""
    head = AuditHead.objects.of_chain(chain_id).first()
    return head or AuditHead(organization_id=chain_id, hash=GENESIS, pruned_hash=GENESIS)
