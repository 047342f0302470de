"""The clocks of previews; `config/schedule.py` says when each ticks. Two at once do no harm."""

from django.conf import settings
from django.utils import timezone

from apps.previews.cleaning.planning import EVERYTHING, EXPIRING, LIGHT
from apps.previews.cleaning.refusals import audit_refusals
from apps.previews.cleaning.running import clean
from apps.previews.cleaning.stages import release_projects
from apps.previews.cleaning.warning import warn_of_expiry
from apps.previews.validating.settling import settle_lost


def expire() -> None:
    """End what is over, and settle what workers left behind. Expiry itself is checked at every call."""
    now = timezone.now()
    settle_lost()
    clean(now=now, works=EXPIRING, dry_run=settings.PREVIEWS_DRY_RUN, is_recorded=False)
    warn_of_expiry(now)
    audit_refusals(now)


def cleanup_light() -> None:
    """Take ended sessions from stage to stage."""
    if settings.PREVIEWS_CLEANUP:
        clean(now=timezone.now(), works=LIGHT, dry_run=settings.PREVIEWS_DRY_RUN)


def cleanup_deep() -> None:
    """Do the same, and drop objects without a row and rows past their time."""
    if settings.PREVIEWS_CLEANUP:
        clean(now=timezone.now(), works=EVERYTHING, dry_run=settings.PREVIEWS_DRY_RUN)
        release_projects()
