"""The audit under load: acts by eight processes, sealed by two clocks at once, walked, then tampered with.

It is a proof as much as a measurement: it fails unless the chain is valid with every act in it, unless the
database refuses an UPDATE of a sealed entry, and unless `verify_audit` names it once the trigger was off.
"""

import json
import multiprocessing
import secrets
import subprocess
import sys
import time
from collections.abc import Sequence
from multiprocessing.synchronize import Event
from pathlib import Path
from typing import Any

from django.db import IntegrityError, connection, connections

from apps.accounts.models import Organization, Role
from apps.accounts.permissions import system_actor
from apps.accounts.services import create_api_key, purge_organization, revoke_api_key, seal_audit
from benchmarks.results import Row
from benchmarks.stage import Stage

TITLE = "Audit"
ROOT = Path(__file__).resolve().parent.parent
ACTS = 10_000
ACTS_QUICK = 800
PROCESSES = 8
CLOCKS = 2
TICK_S = 0.2
TAMPER = """
UPDATE accounts_audit_entry SET verb = 'x' WHERE sequence = %s
AND organization_id = (SELECT id FROM accounts_organization WHERE slug = %s)
"""


def run(stage: Stage) -> Sequence[Row]:
    """Act, seal, verify, tamper and verify in an organization that is removed afterwards."""
    acts = ACTS_QUICK if stage.quick else ACTS
    organization = Organization.objects.create(name="Proof", slug=f"proof-{secrets.token_hex(4)}")
    try:
        acted_s = act_and_seal(organization.slug, acts)
        began = time.monotonic()
        code, report = verify(organization.slug)
        verified_s = time.monotonic() - began
        expect(code == 0 and report["valid"] and report["entries"] == acts, "the chain is whole", report)
        expect(report["unsealed"] == 0, "everything is sealed", report)
        expect(tamper(organization.slug, acts // 3), "the database refuses a change", report)
        code, report = verify(organization.slug)
        expect(code == 1 and report["broken_at"] == acts // 3, "the changed entry is named", report)
    finally:
        purge_organization(organization)
    stage.notes.append(f"{acts:,} audited acts by {PROCESSES} processes, sealed by {CLOCKS} clocks: valid.")
    return [
        Row("audited acts (keys made and revoked), sealed meanwhile", "per s", [acts / acted_s]),
        Row(f"verify_audit of {acts:,} entries, its start included", "s", [verified_s]),
    ]


def expect(is_so: bool, what: str, report: Any) -> None:
    """Raise unless something is as promised."""
    if not is_so:
        raise RuntimeError(f"not true: {what}; {report}")


def act_and_seal(slug: str, acts: int) -> float:
    """Let the processes act while the clocks tick; return the seconds until all was done and sealed."""
    context = multiprocessing.get_context("fork")
    done = context.Event()
    connections.close_all()  # a connection belongs to one process
    clocks = [context.Process(target=seal, args=(done,)) for _ in range(CLOCKS)]
    actors = [context.Process(target=act, args=(slug, acts // PROCESSES)) for _ in range(PROCESSES)]
    began = time.monotonic()
    for process in (*clocks, *actors):
        process.start()
    for process in actors:
        process.join()
    done.set()
    for process in clocks:
        process.join()
    seal_audit()
    return time.monotonic() - began


def act(slug: str, acts: int) -> None:
    """Create API keys and revoke them, each an audited act in a transaction of its own."""
    actor = system_actor(Organization.objects.get(slug=slug))
    for number in range(acts // 2):
        key, _raw = create_api_key(actor=actor, name=f"Key {number}", role=Role.VIEWER, scopes=["mcp"])
        revoke_api_key(actor=actor, api_key=key)


def seal(done: Event) -> None:
    """Tick like the clock, only faster."""
    while not done.is_set():
        seal_audit()
        time.sleep(TICK_S)


def verify(slug: str) -> tuple[int, Any]:
    """Return the exit code and the report of the command."""
    command = [sys.executable, "manage.py", "verify_audit", "--organization", slug, "--json"]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    return ended.returncode, json.loads(ended.stdout)["chains"][0]


def tamper(slug: str, sequence: int) -> bool:
    """Change a sealed entry with the trigger off; return whether the same was refused before."""
    with connection.cursor() as cursor:
        try:
            cursor.execute(TAMPER, [sequence, slug])
        except IntegrityError:
            cursor.execute("ALTER TABLE accounts_audit_entry DISABLE TRIGGER accounts_audit_guard")
            cursor.execute(TAMPER, [sequence, slug])
            cursor.execute("ALTER TABLE accounts_audit_entry ENABLE TRIGGER accounts_audit_guard")
            return True
    return False
