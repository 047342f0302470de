"""Every public write of datasets: create, change, delete, import, decide, restore."""

from collections.abc import Mapping, Sequence
from typing import Any, Final
from zoneinfo import available_timezones

from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils import timezone

from apps.accounts.permissions import Actor, require
from apps.accounts.services import record_audit
from apps.common import jobs
from apps.common.db import JobStatus
from apps.common.errors import Conflict, Duplicate, FieldError, Invalid, NotFound
from apps.common.uploads import StoredFile, keep
from apps.datasets.import_queue import Order, check_queue, queue_imports
from apps.datasets.import_sources import files_of, name_of
from apps.datasets.importing.announcing import ACTIVE, announce_dataset, announce_version
from apps.datasets.importing.options import ImportOptions
from apps.datasets.importing.publishing import Release, lock_dataset, publish_version
from apps.datasets.importing.room import check_room
from apps.datasets.importing.sources import FileRepeated
from apps.datasets.models import Dataset, Import, ImportFile, Segment, Term, TermField, Version
from apps.datasets.profile_services import create_profile, settle_profile
from apps.datasets.queries.versions import VersionGone
from apps.datasets.reading.documents import read_inside
from apps.datasets.reading.errors import ZoneUnknown
from apps.datasets.reading.mapping import Dialect
from apps.datasets.reading.mapping import Mapping as ColumnMapping
from apps.datasets.tasks import run_import

ALIASES_MAX: Final = 20


class NameTaken(Duplicate):
    """A dataset of this name exists already."""

    code = "datasets.name_taken"


class ZoneFixed(Conflict):
    """The time zone cannot be changed once a version exists.

    The instants of the events were computed in it.
    """

    code = "datasets.zone_fixed"


class NotWaiting(Conflict):
    """The import is not waiting for a mapping."""

    code = "datasets.not_waiting"


class VersionInUse(Conflict):
    """The current version cannot be dropped, nor one that an export reads."""

    code = "datasets.version_in_use"


@transaction.atomic
def create_dataset(
    *,
    actor: Actor,
    name: str = "",
    zone: str = "UTC",
    description: str = "",
    area: Sequence[float] | None = None,
    privacy_k: int = 0,
    keep_versions: int | None = None,
) -> Dataset:
    """Create an empty dataset; raises NameTaken, ZoneUnknown and Invalid."""
    require(actor, "datasets.create")
    check_name(name)
    check_zone(zone)
    check_area(area)
    check_privacy_k(privacy_k)
    dataset = Dataset(
        organization=actor.organization,
        name=name,
        zone=zone,
        description=description,
        area=list(area) if area else None,
        privacy_k=privacy_k,
        keep_versions=keep_versions or settings.DATASETS_KEEP_VERSIONS,
        created_by=actor.person,
    )
    _save_named(dataset)
    dataset.refresh_from_db()
    settings_given = {"name": name, "zone": zone, "privacy_k": privacy_k}
    record_audit(actor=actor, verb="datasets.created", target=dataset, changes=settings_given)
    announce_dataset(dataset)
    return dataset


@transaction.atomic
def create_dataset_from_files(
    *, actor: Actor, files: Sequence[StoredFile], options: Mapping[str, Any], **fields: Any
) -> Import:
    """Create a dataset and queue its first import; raises what `create_dataset` and `start_import` raise.

    Whoever may create a dataset may fill it, so no further permission is asked for.
    """
    settled = ImportOptions.of(settle_profile(actor, options))
    require(actor, "datasets.create")
    chosen = files_of(actor, settled, files)
    fields.setdefault("name", name_of(settled, chosen))
    dataset = create_dataset(actor=actor, **fields)
    return _queue_import(actor, dataset, chosen, settled)


@transaction.atomic
def update_dataset(*, actor: Actor, dataset: Dataset, **changes: Any) -> Dataset:
    """Change name, description, area, keep_versions, privacy_k or zone.

    Raises NameTaken, ZoneUnknown, ZoneFixed once there is a version, Forbidden for lowering privacy_k without
    the permission to configure.
    """
    require(actor, "datasets.change", dataset)
    dataset = lock_dataset(dataset)
    if "zone" in changes and changes["zone"] != dataset.zone:
        check_zone(changes["zone"])
        if dataset.versions.exists():
            raise ZoneFixed
    if "area" in changes:
        check_area(changes["area"])
    if "privacy_k" in changes:
        check_privacy_k(changes["privacy_k"])
        if changes["privacy_k"] < dataset.privacy_k:
            require(actor, "datasets.configure")
    for name, value in changes.items():
        setattr(dataset, name, value)
    _save_named(dataset)
    record_audit(actor=actor, verb="datasets.changed", target=dataset, changes=changes)
    announce_dataset(dataset)
    return dataset


@transaction.atomic
def delete_dataset(*, actor: Actor, dataset: Dataset) -> None:
    """Hide a dataset at once and stop its imports; the clock drops its data. Its name is free again."""
    require(actor, "datasets.delete", dataset)
    dataset = lock_dataset(dataset)
    dataset.deleted_at = timezone.now()
    dataset.save(update_fields=["deleted_at", "updated_at"])
    for row in _active_imports(dataset):
        jobs.cancel(run_import, row)
    record_audit(actor=actor, verb="datasets.deleted", target=dataset)
    announce_dataset(dataset)


@transaction.atomic
def start_import(
    *, actor: Actor, dataset: Dataset, files: Sequence[StoredFile], options: Mapping[str, Any]
) -> Import:
    """Queue an import of stored files; from here on they belong to the import.

    Raises FileRepeated, ImportQueueFull, QuotaExceeded, and Invalid for options that make no sense.
    """
    require(actor, "datasets.ingest", dataset)
    settled = ImportOptions.of(settle_profile(actor, options))
    if not settled.dry_run:
        require(actor, "datasets.publish", dataset)
    return _queue_import(actor, dataset, files_of(actor, settled, files), settled)


@transaction.atomic
def confirm_mapping(
    *,
    actor: Actor,
    row: Import,
    mapping: Mapping[str, Any],
    dialect: Mapping[str, Any] | None = None,
    save_as: str = "",
) -> Import:
    """Decide how a waiting import is read and queue it again; `save_as` names a profile to make of it.

    Raises NotWaiting, MappingInvalid, DialectInvalid and ProfileNameTaken.
    """
    require(actor, "datasets.ingest", row.dataset)
    decided = read_inside(ColumnMapping.from_json, mapping, "mapping")
    fields: dict[str, Any] = {"mapping": decided.to_json()}
    if decided.keep_personal:
        require(actor, "datasets.configure")
    if dialect is not None:
        whole = read_inside(Dialect.from_json, dialect, "dialect").to_json()
        # Only what was said: whoever names an encoding leaves the delimiter to the inspection.
        fields["dialect"] = {name: whole[name] for name in whole if dialect.get(name) is not None}
    waiting = Import.objects.filter(pk=row.pk, status=JobStatus.WAITING)
    # Conditional, because somebody else may confirm or cancel at this moment.
    if not waiting.update(status=JobStatus.QUEUED, queued_at=timezone.now(), attempt=0, **fields):
        raise NotWaiting
    if save_as:
        create_profile(actor=actor, name=save_as, mapping=mapping, dialect=dialect)
    row.refresh_from_db()
    record_audit(actor=actor, verb="datasets.mapping_confirmed", target=row, changes=fields)
    run_import.enqueue(row.pk)
    return row


@transaction.atomic
def cancel_import(*, actor: Actor, row: Import) -> Import:
    """Cancel an import, at once or as soon as its worker notices; raises JobNotCancellable."""
    require(actor, "datasets.ingest", row.dataset)
    jobs.cancel(run_import, row)
    record_audit(actor=actor, verb="datasets.import_cancelled", target=row)
    return row


@transaction.atomic
def retry_import(*, actor: Actor, row: Import) -> Import:
    """Queue a failed import again; raises JobNotRetryable."""
    require(actor, "datasets.ingest", row.dataset)
    jobs.retry(run_import, row)
    record_audit(actor=actor, verb="datasets.import_retried", target=row)
    return row


@transaction.atomic
def restore_version(*, actor: Actor, version: Version) -> Version:
    """Publish a new version with the segments of an earlier one; raises VersionGone."""
    require(actor, "datasets.publish", version.dataset)
    dataset = lock_dataset(version.dataset)
    version.refresh_from_db()
    if version.dropped_at is not None:
        raise VersionGone
    release = Release(
        segments=list(Segment.objects.of_version(version.pk)),
        published_at=timezone.now(),
        source_import=version.source_import,
        mapping=version.mapping,
        quality=version.quality,
    )
    restored = publish_version(dataset, release)
    announce_version(dataset, restored)
    numbers = {"version": restored.number, "restored_from": version.number}
    record_audit(actor=actor, verb="datasets.version_restored", target=dataset, changes=numbers)
    return restored


@transaction.atomic
def drop_version(*, actor: Actor, version: Version) -> None:
    """Give a version up before its time; raises VersionInUse, VersionGone."""
    require(actor, "datasets.configure")
    dataset = lock_dataset(version.dataset)
    now = timezone.now()
    living = Version.objects.filter(pk=version.pk, dropped_at__isnull=True)
    if dataset.current_version_id == version.pk or living.filter(pinned_until__gt=now).exists():
        raise VersionInUse
    if not living.update(dropped_at=now):
        raise VersionGone
    number = {"version": version.number}
    record_audit(actor=actor, verb="datasets.version_dropped", target=dataset, changes=number)


@transaction.atomic
def set_category_aliases(*, actor: Actor, dataset: Dataset, number: int, aliases: Sequence[str]) -> Term:
    """Replace the other names of a category; raises NotFound."""
    require(actor, "datasets.change", dataset)
    terms = Term.objects.filter(dataset_no=dataset.no, field=TermField.CATEGORY, no=number)
    if not terms.update(aliases=list(dict.fromkeys(aliases))[:ALIASES_MAX]):
        raise NotFound
    given = {"category": number, "aliases": aliases}
    record_audit(actor=actor, verb="datasets.aliases_changed", target=dataset, changes=given)
    return terms.get()


def check_name(name: str) -> None:
    """Raise Invalid unless there is a name; only a dataset made of files has one by itself."""
    if not name:
        raise Invalid(errors=[FieldError("Give a name or a file.", code="required", pointer="/name")])


def check_zone(zone: str) -> None:
    """Raise ZoneUnknown unless the name is in the IANA database."""
    if zone not in available_timezones():
        raise ZoneUnknown(errors=[FieldError(f"{zone} is not a known time zone.", pointer="/zone")])


def check_area(area: Sequence[float] | None) -> None:
    """Raise Invalid unless the area is null or west, south, east, north in degrees."""
    if area is None:
        return
    west, south, east, north = area
    is_inside = all(-180 <= degree <= 180 for degree in (west, east))  # noqa: PLR2004
    if not (is_inside and -90 <= south <= north <= 90):  # noqa: PLR2004
        wrong = FieldError("Give west, south, east, north in degrees.", pointer="/area")
        raise Invalid(errors=[wrong])


def check_privacy_k(k: int) -> None:
    """Raise Invalid unless k is 0 (off): maps do not suppress small counts yet, and must not seem to."""
    if k:
        wrong = FieldError("Suppression of small counts is not available yet; give 0.", pointer="/privacy_k")
        raise Invalid(errors=[wrong])


def _save_named(dataset: Dataset) -> None:
    try:
        with transaction.atomic():
            dataset.save()
    except IntegrityError as error:
        if "datasets_dataset_name_unique" in str(error):
            raise NameTaken from error
        raise


def _queue_import(
    actor: Actor, dataset: Dataset, files: Sequence[StoredFile], options: ImportOptions
) -> Import:
    check_documents(actor, options)
    _check_files(files, options)
    # Locked, so that two calls at once cannot both take the last place in the queue.
    dataset = lock_dataset(dataset)
    if dataset.deleted_at is not None:
        raise NotFound
    check_queue(dataset)
    (row,) = queue_imports(actor=actor, dataset=dataset, orders=[Order(options)])
    ImportFile.objects.bulk_create(
        ImportFile(
            source_import=row,
            file_no=number,
            name=file.name,
            storage_name=file.storage_name,
            bytes=file.size,
            sha256=bytes.fromhex(file.sha256),
        )
        for number, file in enumerate(files, 1)
    )
    keep(files)
    facts = {"dataset": dataset.pk, "mode": options.mode, "files": [file.sha256 for file in files]}
    record_audit(actor=actor, verb="datasets.import_started", target=row, changes=facts)
    return row


def _active_imports(dataset: Dataset) -> Any:
    return dataset.imports.filter(status__in=ACTIVE)


def check_documents(actor: Actor, options: ImportOptions) -> None:
    """Read mapping and dialect once, so that the caller hears at once what is wrong with them."""
    if options.mapping is not None:
        mapping = read_inside(ColumnMapping.from_json, options.mapping, "mapping")
        if mapping.keep_personal:
            require(actor, "datasets.configure")
    if options.dialect is not None:
        read_inside(Dialect.from_json, options.dialect, "dialect")


def _check_files(files: Sequence[StoredFile], options: ImportOptions) -> None:
    if not files and options.source is None:
        raise Invalid(errors=[FieldError("Give at least one file.", code="required", pointer="/file")])
    digests = [file.sha256 for file in files]
    if len(set(digests)) < len(digests) and not options.force:
        raise FileRepeated
    check_room(sum(file.size for file in files))
