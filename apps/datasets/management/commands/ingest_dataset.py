"""Import a file, an archive, a folder or an address here, without upload and without worker."""

import json
import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any, Final, NoReturn

from django.core.management.base import BaseCommand, CommandError

from apps.accounts.models import Organization
from apps.accounts.permissions import Actor, system_actor
from apps.common.db import JobStatus
from apps.common.errors import DomainError
from apps.datasets.api.downloads import write_download
from apps.datasets.importing.inspecting import propose
from apps.datasets.importing.loading import TooManyRejects
from apps.datasets.local_import import find_tables, run_here, store_file
from apps.datasets.models import Dataset, Import, Reject
from apps.datasets.services import create_dataset_from_files, start_import
from apps.datasets.states import DuplicatePolicy, ImportMode, SourceOf

FAILED: Final = 1
USAGE: Final = 2
NEEDS_MAPPING: Final = 3
TOO_MANY_REJECTS: Final = 4
BAR_CELLS: Final = 30


class Command(BaseCommand):
    """Exit 0 published or unchanged, 1 failed, 2 usage, 3 needs a mapping, 4 too many rejects."""

    help = __doc__

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the options."""
        parser.add_argument("path", help="a file, a zip archive, a folder of these, or an http(s) address")
        parser.add_argument("--organization", required=True, help="slug")
        target = parser.add_mutually_exclusive_group()
        target.add_argument("--name", help="of a new dataset; default: the file's name")
        target.add_argument("--dataset", help="id or name of an existing one")
        parser.add_argument("--zone", default="UTC", help="time zone of a new dataset")
        parser.add_argument("--mapping", help="`auto`, or a file with a mapping as JSON")
        parser.add_argument("--mode", choices=ImportMode.values)
        parser.add_argument("--partition")
        parser.add_argument("--duplicates", choices=DuplicatePolicy.values)
        parser.add_argument("--reject-limit", type=float)
        parser.add_argument("--dry-run", action="store_true")
        parser.add_argument("--force", action="store_true")
        parser.add_argument("--rejects", type=Path, help="write the evidence to this CSV file")
        parser.add_argument("--json", action="store_true")

    def handle(self, *_args: str, **options: Any) -> None:
        """Import and report."""
        row = self._start(options)
        ended = run_here(row, None if options["json"] else self._draw)
        if options["rejects"]:
            _write_rejects(ended, options["rejects"])
        self._report(ended, as_json=options["json"])
        code = _exit_code(ended)
        if code:
            sys.exit(code)

    def _start(self, options: dict[str, Any]) -> Import:
        root = Path(options["path"])
        tables = find_tables(root) if not _is_address(options["path"]) and root.exists() else []
        if not tables and not _is_address(options["path"]):
            self._refuse(f"There is nothing to read at {options['path']}.")
        organization = Organization.objects.living().filter(slug=options["organization"]).first()
        if organization is None:
            self._refuse(f"There is no organization {options['organization']}.")
        try:
            return _queue(system_actor(organization), tables, options)
        except DomainError as error:
            self._refuse(error.explain())

    def _refuse(self, reason: str) -> NoReturn:
        raise CommandError(reason, returncode=USAGE)

    def _draw(self, row: Import) -> None:
        filled = round(row.progress * BAR_CELLS)
        bar = "#" * filled + "." * (BAR_CELLS - filled)
        self.stderr.write(f"\r[{bar}] {row.stage:8} {row.rows_read:,} rows", ending="")

    def _report(self, row: Import, *, as_json: bool) -> None:
        facts = _facts(row)
        if row.status == JobStatus.WAITING:
            facts["suggestion"] = propose(row).suggestion.to_json()
        if as_json or row.status == JobStatus.WAITING:
            self.stdout.write(json.dumps(facts))
            return
        counts = (
            f"{row.rows_read:,} read = {row.accepted:,} accepted + {row.rejected:,} rejected "
            f"+ {row.duplicates:,} duplicates"
        )
        self.stderr.write("")
        self.stdout.write(f"{row.outcome or row.status}: {counts} {row.error_detail}".rstrip())


def _queue(actor: Actor, tables: list[Path], options: dict[str, Any]) -> Import:
    """Store the files and queue their import; raises DomainError."""
    names = ("mode", "partition", "duplicates", "reject_limit", "dry_run", "force")
    wanted = {name: options[name] for name in names} | {"mapping": _mapping(options["mapping"])}
    root = Path(options["path"])
    if _is_address(options["path"]):
        wanted["source"] = {"kind": SourceOf.URL, "url": options["path"]}
    files = [store_file(path, path.name if path == root else str(path.relative_to(root))) for path in tables]
    if options["dataset"] is None:
        name = options["name"] or root.name.partition("?")[0]
        return create_dataset_from_files(
            actor=actor, files=files, options=wanted, name=name, zone=options["zone"]
        )
    datasets = Dataset.objects.visible_to(actor)
    dataset = datasets.filter(name__iexact=options["dataset"]).first()
    dataset = dataset or next((d for d in datasets if str(d.pk) == options["dataset"]), None)
    if dataset is None:
        raise CommandError(f"There is no dataset {options['dataset']}.", returncode=USAGE)
    return start_import(actor=actor, dataset=dataset, files=files, options=wanted)


def _is_address(text: str) -> bool:
    return text.startswith(("http://", "https://"))


def _mapping(given: str | None) -> Any:
    if given in {None, "auto"}:
        return "auto"
    try:
        return json.loads(Path(str(given)).read_text())
    except (OSError, ValueError) as error:
        raise CommandError(f"The mapping cannot be read: {error}", returncode=USAGE) from error


def _exit_code(row: Import) -> int:
    if row.status == JobStatus.WAITING:
        return NEEDS_MAPPING
    if row.status == JobStatus.SUCCEEDED:
        return 0
    return TOO_MANY_REJECTS if row.error_code == TooManyRejects.code else FAILED


def _facts(row: Import) -> dict[str, Any]:
    names = ("rows_read", "accepted", "rejected", "duplicates", "blank_lines", "warnings", "reject_counts")
    return {
        "import": str(row.pk),
        "dataset": str(row.dataset_id),
        "version": row.version.number if row.version else None,
        "status": row.status,
        "outcome": row.outcome,
        **{name: getattr(row, name) for name in names},
        "error_code": row.error_code,
        "error_detail": row.error_detail,
    }


def _write_rejects(row: Import, path: Path) -> None:
    rejects = Reject.objects.filter(dataset_no=row.dataset.no, import_no=row.no).order_by("seq")
    with path.open("wb") as stream:
        stream.writelines(write_download("csv", row, rejects))
