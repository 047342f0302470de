"""What accounts keeps, and when it goes."""

import datetime as dt

import pytest
from django.utils import timezone

from apps.accounts.models import IdempotencyRecord, Session, User
from apps.accounts.models.session import SessionKind
from apps.accounts.services import prune
from tests.factories.accounts import UserFactory

pytestmark = pytest.mark.django_db
DAY = dt.timedelta(days=1)


def make_session(user: User, ended: dt.datetime, *, is_revoked: bool) -> Session:
    later = timezone.now() + 90 * DAY
    return Session.objects.create(
        user=user,
        kind=SessionKind.TOKEN,
        expires_at=later if is_revoked else ended,
        ends_at=later,
        revoked_at=ended if is_revoked else None,
    )


def make_answer(key: str, expires_at: dt.datetime) -> IdempotencyRecord:
    return IdempotencyRecord.objects.create(
        actor="a",
        method="POST",
        path="/",
        key=key,
        request_hash=b"",
        status=201,
        body=b"",
        expires_at=expires_at,
    )


def test_what_is_past_its_time_goes_and_the_rest_stays() -> None:
    now = timezone.now()
    user = UserFactory.create()
    kept = [make_session(user, now - 29 * DAY, is_revoked=flag) for flag in (True, False)]
    for flag in (True, False):
        make_session(user, now - 31 * DAY, is_revoked=flag)
    make_answer("old", now - dt.timedelta(seconds=1))
    make_answer("new", now + DAY)

    assert prune(now=now) == {"idempotency_records": 1, "sessions": 2, "page_sessions": 0}
    assert set(Session.objects.all()) == set(kept)
    assert IdempotencyRecord.objects.get().key == "new"
    assert prune(now=now) == {"idempotency_records": 0, "sessions": 0, "page_sessions": 0}
