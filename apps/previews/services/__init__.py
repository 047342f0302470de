"""The writes of previews, by noun."""

from apps.previews.services.bundles import (
    ReceivedBundle,
    count_mismatch,
    open_revision,
    receive_bundle,
    set_dev_url,
)
from apps.previews.services.cleanup import purge_session, run_cleanup
from apps.previews.services.devices import remove_device
from apps.previews.services.opening import (
    Grant,
    Visitor,
    grant_download,
    note_download,
    open_preview,
    resolve_preview,
)
from apps.previews.services.sessions import (
    Shared,
    create_session,
    extend_session,
    revoke_session,
    rotate_token,
)

__all__ = [
    "Grant",
    "ReceivedBundle",
    "Shared",
    "Visitor",
    "count_mismatch",
    "create_session",
    "extend_session",
    "grant_download",
    "note_download",
    "open_preview",
    "open_revision",
    "purge_session",
    "receive_bundle",
    "remove_device",
    "resolve_preview",
    "revoke_session",
    "rotate_token",
    "run_cleanup",
    "set_dev_url",
]
