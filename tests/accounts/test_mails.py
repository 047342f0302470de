"""Mails: written with the effect, sent by a job, never with a secret left behind or a header added."""

import smtplib
from collections.abc import Callable
from typing import Any

import pytest
from django.core.mail import EmailMultiAlternatives
from django.db import connection
from pytest_django.fixtures import Settings

from apps.accounts.letters import page_address, write_letter
from apps.accounts.models import Mail
from apps.accounts.services import send_mail
from apps.common.db import JobStatus
from apps.common.errors import Invalid
from tests.factories.accounts import UserFactory

pytestmark = pytest.mark.django_db

SECRET = "kJ8-single-use-9fQz"
CONTEXT = {
    "title": "Your link",
    "body": f"https://sextant.example/reset/{SECRET}",
    "link": "https://x.example",
}


def send(**changes: Any) -> Mail:
    return send_mail(**{"to": "ann@example.com", "template": "notice", "context": CONTEXT, **changes})


@pytest.fixture
def server_says(monkeypatch: pytest.MonkeyPatch) -> Callable[[Exception], None]:
    """Let the mail server answer with an error."""

    def refuse(error: Exception) -> None:
        def fail(_mail: EmailMultiAlternatives, **_: Any) -> int:
            raise error

        monkeypatch.setattr(EmailMultiAlternatives, "send", fail)

    return refuse


def test_a_mail_goes_out_as_text_and_html_from_the_configured_sender(
    settings: Settings, run_jobs: Callable[[], int], mailoutbox: list[EmailMultiAlternatives]
) -> None:
    settings.EMAIL_FROM = "Sextant <sextant@sextant.example>"
    mail = send()
    run_jobs()
    (sent,) = mailoutbox
    assert (sent.to, sent.subject, sent.from_email) == (["ann@example.com"], "Your link", settings.EMAIL_FROM)
    assert SECRET in sent.body
    html, kind = sent.alternatives[0]
    assert kind == "text/html"
    assert f'href="https://sextant.example/reset/{SECRET}"' in str(html)
    mail.refresh_from_db()
    assert mail.status == JobStatus.SUCCEEDED


def test_the_context_is_unreadable_in_the_database_and_gone_once_sent(run_jobs: Callable[[], int]) -> None:
    mail = send()
    assert SECRET.encode() not in bytes(mail.context)
    with connection.cursor() as cursor:
        cursor.execute("SELECT m::text FROM accounts_mail m")
        ((row,),) = cursor.fetchall()
    assert SECRET.encode().hex() not in row
    run_jobs()
    mail.refresh_from_db()
    assert bytes(mail.context) == b""


@pytest.mark.parametrize(
    ("is_urgent", "queue", "attempts"), [(True, "high_priority", 5), (False, "notifications", 8)]
)
def test_what_somebody_waits_for_has_its_own_queue(
    run_jobs: Callable[[], int], *, is_urgent: bool, queue: str, attempts: int
) -> None:
    mail = send(is_urgent=is_urgent)
    assert (mail.queue, mail.max_attempts) == (queue, attempts)
    run_jobs()
    mail.refresh_from_db()
    assert mail.status == JobStatus.SUCCEEDED


@pytest.mark.parametrize(
    "error",
    [
        ConnectionRefusedError(),
        TimeoutError(),
        OSError("no such host"),
        smtplib.SMTPServerDisconnected("gone"),
        smtplib.SMTPAuthenticationError(535, b"no"),
        smtplib.SMTPSenderRefused(451, b"later", "a@example.com"),
        smtplib.SMTPRecipientsRefused({"ann@example.com": (450, b"busy")}),
    ],
    ids=lambda error: type(error).__name__,
)
def test_a_server_that_does_not_take_it_now_is_asked_again_later(
    server_says: Callable[[Exception], None], run_jobs: Callable[[], int], error: Exception
) -> None:
    server_says(error)
    mail = send()
    run_jobs()
    mail.refresh_from_db()
    assert mail.status == JobStatus.QUEUED
    assert mail.run_after is not None
    assert bytes(mail.context) != b""


@pytest.mark.parametrize(
    "error",
    [
        smtplib.SMTPRecipientsRefused({"ann@example.com": (550, b"ann@example.com is unknown here")}),
        smtplib.SMTPDataError(554, b"spam"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_a_refusal_for_good_is_not_tried_again(
    server_says: Callable[[Exception], None], run_jobs: Callable[[], int], error: Exception
) -> None:
    server_says(error)
    mail = send()
    run_jobs()
    mail.refresh_from_db()
    assert (mail.status, mail.error_code) == (JobStatus.FAILED, "job.mail_refused")
    assert "ann@" not in mail.error_detail + mail.error_trace


def test_no_value_can_add_a_header(
    run_jobs: Callable[[], int], mailoutbox: list[EmailMultiAlternatives]
) -> None:
    send(context={**CONTEXT, "title": "Hello\r\nBcc: eve@example.com\x0b\u2028\u0085X: y"})
    run_jobs()
    message = mailoutbox[0].message()
    assert message["Subject"] == "Hello Bcc: eve@example.com X: y"
    assert "Bcc" not in message
    assert mailoutbox[0].recipients() == ["ann@example.com"]


@pytest.mark.parametrize(
    "address", ["", "ann", "ann@example.com\nBcc: eve@example.com", "ann@example.com, eve@example.com"]
)
def test_an_address_that_is_none_or_several_is_refused(address: str) -> None:
    with pytest.raises(Invalid):
        send(to=address)


def test_what_people_type_is_text_in_the_html() -> None:
    letter = write_letter("notice", {"title": "<script>alert(1)</script>", "body": "<b>&", "link": "x"})
    assert "<script>" not in letter.html
    assert "&lt;b&gt;&amp;" in letter.html
    assert "<b>&" in letter.text


def test_links_start_with_the_base_url_whatever_the_request_said(settings: Settings) -> None:
    settings.BASE_URL = "https://sextant.example"
    assert page_address("/notifications/") == "https://sextant.example/notifications/"


def test_a_mail_that_goes_out_twice_is_known_by_its_message_id() -> None:
    letter = write_letter("notice", CONTEXT)
    first, second = (letter.message(to="ann@example.com", name="row-id").message() for _ in range(2))
    assert first["Message-ID"] == second["Message-ID"] == "<row-id@localhost>"


def test_mails_go_with_their_user() -> None:
    user = UserFactory.create()
    send(user=user)
    user.delete()
    assert not Mail.objects.exists()
