"""What several parts of previews raise (previews.md section 7)."""

from apps.common.errors import Conflict, Invalid, NotFound
from apps.common.uploads import UploadTooLarge


class PreviewNotAvailable(NotFound):
    """This preview is not available.

    The token or link is unknown, has expired or was revoked; which of these is not told.
    """

    code = "previews.not_available"


class AlreadyReady(Conflict):
    """The session has its content already; open its next revision first."""

    code = "previews.already_ready"


class UploadInProgress(Conflict):
    """Another upload of this session is going on."""

    code = "previews.upload_in_progress"


class DeviceLimit(Conflict):
    """As many devices as allowed have opened this preview."""

    code = "previews.device_limit"


class SessionLimit(Conflict):
    """The project has as many live previews as allowed; revoke one first."""

    code = "previews.limit_reached"


class DevUrlsOff(Conflict):
    """This installation takes no addresses of development servers.

    An operator switches them on by PREVIEWS_DEV_URLS.
    """

    code = "previews.dev_urls_off"


class BundleTooLarge(UploadTooLarge):
    """The bundle is larger than allowed."""

    code = "previews.bundle_too_large"


class DevUrlNotAllowed(Invalid):
    """This address cannot be that of a development server.

    Any https address can, and http for private addresses and names under `.local`; never loopback or
    link-local addresses, user names, passwords or fragments.
    """

    code = "previews.dev_url_not_allowed"


class BundleUnsafe(Invalid):
    """The bundle is no zip archive that can be trusted."""

    code = "previews.bundle_unsafe"


class ChecksumMismatch(Invalid):
    """What arrived is not what was announced: size or SHA-256 differ."""

    code = "previews.bundle_checksum_mismatch"


class BundleIncomplete(Invalid):
    """The bundle lacks a file, or one differs from what its `sextant.json` says."""

    code = "previews.bundle_incomplete"
