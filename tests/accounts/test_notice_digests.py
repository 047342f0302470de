"""Notices by mail: twenty an hour one by one, then one mail an hour with the rest."""

import datetime as dt
import threading
from collections.abc import Callable

import pytest
import time_machine
from django.core.mail import EmailMultiAlternatives
from django.db import connection
from django.utils import timezone

from apps.accounts.models import Level, Mail, Notification, User
from apps.accounts.services import delete_notice, mail_due_notices, notify
from apps.common.notices import NoticeKind, register_notice
from tests.factories.accounts import UserFactory

pytestmark = pytest.mark.django_db(transaction=True)
BURNS, SECURITY = "test.burns", "test.security"
LATER = dt.timedelta(minutes=61)


@pytest.fixture(autouse=True)
def _kinds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("apps.common.notices._kinds", {})
    register_notice(NoticeKind(name=BURNS, title="Something burns", level=Level.CRITICAL))
    register_notice(NoticeKind(name=SECURITY, title="Somebody was here", is_security=True))


@pytest.fixture
def ann(transactional_db: None) -> User:
    return UserFactory.create(email="ann@example.com")


def tell(user: User, first: int, last: int) -> None:
    for number in range(first, last + 1):
        notify(user=user, kind=BURNS, title=f"House {number} burns", dedupe_key=str(number))


def templates(user: User) -> list[str]:
    return list(
        Mail.objects.filter(user=user).order_by("created_at", "pk").values_list("template", flat=True)
    )


def test_the_twenty_first_waits_for_the_digest_of_the_next_hour(
    ann: User, run_jobs: Callable[[], int], mailoutbox: list[EmailMultiAlternatives]
) -> None:
    tell(ann, 1, 25)
    assert templates(ann) == ["notice"] * 20
    assert mail_due_notices() == 0
    with time_machine.travel(timezone.now() + LATER, tick=True):
        assert mail_due_notices() == 1
        assert mail_due_notices() == 0
        assert templates(ann) == ["notice"] * 20 + ["digest"]
        run_jobs()
        digest = mailoutbox[-1]
        assert digest.subject == "5 notices"
        told = [number for number in range(1, 26) if f"House {number} burns" in digest.body]
        assert told == [21, 22, 23, 24, 25]
        tell(ann, 26, 26)
        assert templates(ann)[-1] == "notice"


def test_what_comes_while_a_digest_waits_joins_it(ann: User) -> None:
    tell(ann, 1, 21)
    with time_machine.travel(timezone.now() + dt.timedelta(minutes=30), tick=True):
        tell(ann, 22, 22)
    due = set(Notification.objects.mail_pending().values_list("mail_due_at", flat=True))
    assert len(due) == 1
    with time_machine.travel(timezone.now() + LATER, tick=True):
        assert mail_due_notices() == 1
    assert Notification.objects.mail_pending().count() == 0


def test_a_digest_of_one_is_that_notice_itself(ann: User) -> None:
    tell(ann, 1, 21)
    with time_machine.travel(timezone.now() + LATER, tick=True):
        mail_due_notices()
    assert templates(ann) == ["notice"] * 21


def test_each_user_has_their_own_twenty(ann: User) -> None:
    bob = UserFactory.create()
    tell(ann, 1, 21)
    tell(bob, 1, 1)
    assert templates(bob) == ["notice"]


def test_security_mails_neither_wait_nor_count(ann: User) -> None:
    for number in range(25):
        notify(user=ann, kind=SECURITY, title="Somebody", dedupe_key=f"s{number}")
    tell(ann, 1, 20)
    urgent = Mail.objects.filter(user=ann, queue="high_priority").count()
    assert (urgent, Mail.objects.filter(user=ann, queue="notifications").count()) == (25, 20)


def test_a_long_digest_names_fifty_and_counts_the_rest(
    ann: User, run_jobs: Callable[[], int], mailoutbox: list[EmailMultiAlternatives]
) -> None:
    tell(ann, 1, 80)
    with time_machine.travel(timezone.now() + LATER, tick=True):
        mail_due_notices()
        run_jobs()
    assert mailoutbox[-1].subject == "60 notices"
    assert "House 70 burns" in mailoutbox[-1].body
    assert "House 71 burns" not in mailoutbox[-1].body
    assert "and 10 more" in mailoutbox[-1].body


def test_what_was_deleted_is_not_in_the_digest(ann: User) -> None:
    tell(ann, 1, 22)
    for notice in Notification.objects.mail_pending():
        delete_notice(user=ann, notice=notice)
    with time_machine.travel(timezone.now() + LATER, tick=True):
        assert mail_due_notices() == 0


def test_the_limit_holds_when_many_tell_at_once(ann: User) -> None:
    tell(ann, 1, 18)
    ready = threading.Barrier(5)

    def run(number: int) -> None:
        try:
            ready.wait(60)
            tell(ann, number, number)
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=[number]) for number in range(19, 24)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert Mail.objects.count() == 20
    assert Notification.objects.mail_pending().count() == 3


def test_a_locked_user_is_told_nothing(ann: User) -> None:
    User.objects.filter(pk=ann.pk).update(is_active=False)
    ann.refresh_from_db()
    tell(ann, 1, 1)
    assert not Notification.objects.exists()
