"""What the audit says of acts on previews."""

from typing import Final

VERBS: Final[dict[str, str]] = {
    "previews.created": "A preview was created",
    "previews.uploaded": "A preview was given its content",
    "previews.revision_opened": "The next upload of a preview was opened",
    "previews.extended": "A preview was given more time",
    "previews.token_rotated": "A preview was given a new token",
    "previews.revoked": "A preview was revoked",
    "previews.device_removed": "A device's slot of a preview was taken back",
    "previews.refused": "Devices or people were refused a preview, summed over a minute",
    "previews.purged": "A preview's bundle was deleted before its time",
    "previews.cleaned": "The clean-up of previews was run by hand",
}
