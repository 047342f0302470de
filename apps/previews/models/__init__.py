"""The tables of previews (previews.md section 5)."""

from apps.previews.models.bundle import Bundle
from apps.previews.models.cleanup import CleanupEvent, CleanupRun
from apps.previews.models.opening import AccessEntry, Device, Token
from apps.previews.models.session import Session, columns_at, upload_at

__all__ = [
    "AccessEntry",
    "Bundle",
    "CleanupEvent",
    "CleanupRun",
    "Device",
    "Session",
    "Token",
    "columns_at",
    "upload_at",
]
