"""Audited acts by many processes, sealed by two clocks at once; then one row is changed behind the trigger.

    .venv/bin/python benchmarks/audit_chain.py [--acts 10000] [--workers 8]

Runs against the installation in this folder (or that of DATABASE_URL), in an organization of its own, which
is removed afterwards. Exits 1 unless the chain is valid first and `verify_audit` names the sequence then.
"""

import argparse
import json
import multiprocessing
import os
import secrets
import subprocess
import sys
import time
from multiprocessing.synchronize import Event
from pathlib import Path
from typing import Any

import django
from django.db import IntegrityError, connection

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
django.setup()

from apps.accounts.models import Organization, Role  # noqa: E402 - models are loaded only now
from apps.accounts.permissions import system_actor  # noqa: E402
from apps.accounts.services import (  # noqa: E402
    create_api_key,
    purge_organization,
    revoke_api_key,
    seal_audit,
)


def act(slug: str, acts: int) -> None:
    """Create API keys and revoke them, each an audited act in a transaction of its own."""
    actor = system_actor(Organization.objects.get(slug=slug))
    for number in range(acts // 2):
        key, _raw = create_api_key(actor=actor, name=f"Key {number}", role=Role.VIEWER, scopes=["mcp"])
        revoke_api_key(actor=actor, api_key=key)


def seal(done: Event) -> None:
    """Tick like a clock, only faster."""
    while not done.is_set():
        seal_audit()
        time.sleep(0.2)


def verify(slug: str) -> tuple[int, Any]:
    """Return the exit code and the report of the command."""
    command = [sys.executable, "manage.py", "verify_audit", "--organization", slug, "--json"]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    return ended.returncode, json.loads(ended.stdout)["chains"][0]


def change_one(slug: str, sequence: int) -> str:
    """Change a sealed row as the owner of the tables; first without, then with the trigger off."""

    statement = (
        "UPDATE accounts_audit_entry SET verb = 'x' WHERE sequence = %s AND organization_id ="
        " (SELECT id FROM accounts_organization WHERE slug = %s)"
    )
    with connection.cursor() as cursor:
        try:
            cursor.execute(statement, [sequence, slug])
        except IntegrityError as error:
            refusal = str(error).splitlines()[0]
        else:
            return "not refused"
        cursor.execute("ALTER TABLE accounts_audit_entry DISABLE TRIGGER accounts_audit_guard")
        cursor.execute(statement, [sequence, slug])
        cursor.execute("ALTER TABLE accounts_audit_entry ENABLE TRIGGER accounts_audit_guard")
    return refusal


def prove(slug: str, acts: int, workers: int) -> bool:
    """Act, seal, verify, change, verify; print what was seen."""
    context = multiprocessing.get_context("spawn")
    done = context.Event()
    clocks = [context.Process(target=seal, args=(done,)) for _ in range(2)]
    actors = [context.Process(target=act, args=(slug, acts // workers)) for _ in range(workers)]
    began = time.monotonic()
    for process in (*clocks, *actors):
        process.start()
    for process in actors:
        process.join()
    acted_s = time.monotonic() - began
    done.set()
    for process in clocks:
        process.join()

    seal_audit()
    began = time.monotonic()
    code, report = verify(slug)
    took = f"in {acted_s:.1f} s; verified in {time.monotonic() - began:.1f} s"
    print(f"{acts} acts by {workers} processes {took}: exit {code}", report)
    is_whole = code == 0 and report["valid"] and report["entries"] == acts and report["unsealed"] == 0
    target = acts // 3
    print("UPDATE with the trigger on:", change_one(slug, target))
    code, report = verify(slug)
    print(f"UPDATE of entry {target} with the trigger off: exit {code}", report)
    return is_whole and code == 1 and report["broken_at"] == target


def main() -> None:
    """Prove it in an organization that is removed again."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--acts", type=int, default=10_000)
    parser.add_argument("--workers", type=int, default=8)
    options = parser.parse_args()

    organization = Organization.objects.create(name="Proof", slug=f"proof-{secrets.token_hex(4)}")
    try:
        is_proven = prove(organization.slug, options.acts, options.workers)
    finally:
        purge_organization(organization)
    print("proven" if is_proven else "NOT PROVEN")
    sys.exit(not is_proven)


if __name__ == "__main__":
    main()
