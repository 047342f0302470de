"""Notices: told once, in the transaction of what they tell of, by the ways that their user chose."""

import threading
from collections.abc import Callable
from typing import Any

import pytest
from django.core.mail import EmailMultiAlternatives
from django.db import connection, transaction

from apps.accounts.models import Level, Mail, Notification, NotificationPreference, User
from apps.accounts.services import mail_due_notices, notice_mails, notify
from apps.common.notices import NoticeKind, register_notice
from tests.factories.accounts import OrganizationFactory, UserFactory

Capture = Callable[..., Any]

PLAIN, CRITICAL, SECURITY = "test.plain", "test.critical", "test.security"


@pytest.fixture(autouse=True)
def _kinds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("apps.common.notices._kinds", {})
    register_notice(NoticeKind(name=PLAIN, title="Something happened"))
    register_notice(NoticeKind(name=CRITICAL, title="Something burns", level=Level.CRITICAL))
    register_notice(NoticeKind(name=SECURITY, title="Somebody was here", is_security=True))


@pytest.fixture
def ann(db: None) -> User:
    return UserFactory.create(email="ann@example.com")


def tell(user: User, **changes: Any) -> None:
    notify(**{"user": user, "kind": PLAIN, "title": "A title", "dedupe_key": "one", **changes})


def test_a_notice_keeps_what_it_tells_and_of_what(ann: User) -> None:
    organization = OrganizationFactory.create()
    tell(ann, body="More of it", organization=organization, target=organization)
    notice = Notification.objects.get()
    assert (notice.user, notice.kind, notice.level, notice.organization) == (ann, PLAIN, "info", organization)
    assert (notice.title, notice.body) == ("A title", "More of it")
    assert (notice.target_type, notice.target_id) == ("accounts.organization", str(organization.pk))
    assert notice.read_at is None


def test_telling_twice_is_told_once_per_user(ann: User) -> None:
    bob = UserFactory.create()
    for user in (ann, ann, bob):
        tell(user, kind=SECURITY)
    assert Notification.objects.count() == 2
    assert Mail.objects.filter(user=ann).count() == 1


@pytest.mark.django_db(transaction=True)
def test_telling_twice_at_once_is_told_once() -> None:
    ann = UserFactory.create()
    ready = threading.Barrier(4)

    def run() -> None:
        try:
            ready.wait(60)
            tell(ann, kind=SECURITY)
        finally:
            connection.close()

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert Notification.objects.count() == Mail.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_a_notice_goes_with_the_transaction_that_tells_it() -> None:
    ann = UserFactory.create()

    with transaction.atomic():
        tell(ann, kind=SECURITY)
        transaction.set_rollback(True)
    assert not Notification.objects.exists()
    assert not Mail.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_a_failed_notice_fails_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    ann = UserFactory.create(name="Ann")

    def break_down(*_: Any, **__: Any) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1 / 0")

    monkeypatch.setattr(notice_mails, "send_notice", break_down)
    with transaction.atomic():
        tell(ann, kind=SECURITY)
        User.objects.filter(pk=ann.pk).update(name="Anna")
    ann.refresh_from_db()
    assert ann.name == "Anna"
    assert not Notification.objects.exists()


def test_a_kind_that_nobody_registered_is_a_mistake_of_ours(ann: User) -> None:
    with pytest.raises(KeyError):
        tell(ann, kind="test.unknown")


def test_what_is_too_long_is_cut_and_nothing_breaks(ann: User) -> None:
    tell(ann, title="t" * 500, body="b" * 5_000 + "\0")
    notice = Notification.objects.get()
    assert (len(notice.title), len(notice.body)) == (160, 1_000)
    assert notice.title.endswith("t…")


def test_plain_notices_stay_in_the_product(
    ann: User, django_capture_on_commit_callbacks: Capture, run_jobs: Callable[[], int]
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        tell(ann)
    assert not Mail.objects.exists()


@pytest.mark.parametrize("changes", [{"kind": CRITICAL}, {"level": Level.CRITICAL}])
def test_critical_notices_go_by_mail_as_well(
    ann: User,
    django_capture_on_commit_callbacks: Capture,
    run_jobs: Callable[[], int],
    mailoutbox: list[EmailMultiAlternatives],
    changes: dict[str, Any],
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        tell(ann, title="It burns", **changes)
    assert Mail.objects.get().queue == "notifications"
    run_jobs()
    assert [mail.subject for mail in mailoutbox] == ["It burns"]
    assert Notification.objects.get().emailed_at is not None


def test_security_notices_go_both_ways_at_once_whatever_the_user_wants(ann: User) -> None:
    NotificationPreference.objects.create(user=ann, kind=SECURITY, in_app=False, email=False)
    tell(ann, kind=SECURITY)
    assert Notification.objects.get().is_in_app
    assert Mail.objects.get().queue == "high_priority"


@pytest.mark.parametrize(("in_app", "email"), [(True, True), (False, True), (True, False), (False, False)])
def test_preferences_decide_the_ways_of_other_notices(
    ann: User, django_capture_on_commit_callbacks: Capture, *, in_app: bool, email: bool
) -> None:
    NotificationPreference.objects.create(user=ann, kind=CRITICAL, in_app=in_app, email=email)
    with django_capture_on_commit_callbacks(execute=True):
        tell(ann, kind=CRITICAL)
    assert Notification.objects.filter(is_in_app=True).exists() == in_app
    assert Mail.objects.exists() == email


def test_mails_are_told_by_the_clock_if_the_process_died_after_its_commit(ann: User) -> None:
    tell(ann, kind=CRITICAL)  # what runs after the commit is left out here
    assert not Mail.objects.exists()
    assert mail_due_notices() == 1
    assert mail_due_notices() == 0
    assert Mail.objects.get().template == "notice"


def test_a_user_whose_address_takes_no_mail_fails_nothing(ann: User) -> None:
    ann.email = "not an address"
    tell(ann, kind=SECURITY)
