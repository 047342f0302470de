"""The files that an import begins with: those sent with the call, or what its `source` names."""

from collections.abc import Sequence

from apps.accounts.permissions import Actor
from apps.common.errors import FieldError, Invalid
from apps.common.outbound.urls import parse_target
from apps.common.uploads import StoredFile
from apps.datasets.importing.options import ImportOptions
from apps.datasets.importing.remote import name_in
from apps.datasets.states import SourceOf
from apps.datasets.upload_services import lend_uploads


def files_of(actor: Actor, options: ImportOptions, sent: Sequence[StoredFile]) -> Sequence[StoredFile]:
    """Return the files that are here when the import is queued.

    Raises Invalid for files and a source at once, and what `lend_uploads` raises.
    """
    source = options.source
    if source is None:
        return sent
    if sent:
        wrong = FieldError("Send files or name a source, not both.", pointer="/source")
        raise Invalid(errors=[wrong])
    if source["kind"] == SourceOf.UPLOAD:
        return lend_uploads(actor=actor, upload_ids=source["upload_ids"])
    # What can be said of the address at once; what is behind it is looked at by every fetch.
    parse_target(source["url"], plain=True)
    return ()


def name_of(options: ImportOptions, files: Sequence[StoredFile]) -> str:
    """Return the name of a dataset that nobody has named."""
    if files:
        return files[0].name
    source = options.source or {}
    return name_in(source["url"]) if source.get("kind") == SourceOf.URL else ""
