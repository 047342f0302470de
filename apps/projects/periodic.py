"""The clocks of projects; `config/schedule.py` says when each ticks. Two at once do no harm."""

from django.utils import timezone

from apps.projects.proposing.settling import settle_lost as settle_lost_proposals
from apps.projects.services.credentials import tell_expiring

# Credentials


def tell_expiring_credentials() -> None:
    """Tell those in charge of credentials that expire within 14 and within 2 days."""
    tell_expiring(now=timezone.now())


# Proposals


def settle_proposals() -> None:
    """Settle the proposals of which a worker died between the end of a job and what follows."""
    settle_lost_proposals()
