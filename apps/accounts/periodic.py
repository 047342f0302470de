"""The clock jobs of accounts."""

from django.utils import timezone

from apps.accounts import services


def seal_audit() -> None:
    """Give the new entries of the audit their places in their chains; twice at once does no harm."""
    services.seal_audit()


def mail_notices() -> None:
    """Send the mails of notices whose time has come; twice at once does no harm."""
    services.mail_due_notices()


def flush_key_usage() -> None:
    """Write when keys were used last, as the rate limiter noted it."""
    services.flush_key_usage()


def purge_organizations() -> None:
    """Remove the organizations that were deleted long enough ago; twice at once does no harm."""
    services.purge_organizations(now=timezone.now())
