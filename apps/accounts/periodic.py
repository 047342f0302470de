"""The clock jobs of accounts."""

from django.utils import timezone

from apps.accounts import services


def seal_audit() -> None:
    """Give the new entries of the audit their places in their chains; twice at once does no harm."""
    services.seal_audit()


def purge_organizations() -> None:
    """Remove the organizations that were deleted long enough ago; twice at once does no harm."""
    services.purge_organizations(now=timezone.now())
