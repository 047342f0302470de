"""No secret that a mail carries can be read in the database, at the broker, in the logs or by an operator."""

import logging
from collections.abc import Callable
from typing import Any

import pytest
import redis
from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.db import connection
from django.test import Client
from pytest_django.fixtures import Settings

from apps.accounts.models import Mail
from apps.accounts.services import send_mail
from apps.accounts.tasks import post_mail
from tests.factories.accounts import UserFactory

pytestmark = pytest.mark.django_db
SECRET = "sXq7-a-token-that-signs-somebody-in"


def everything_in_the_database() -> str:
    """Return the text of every row of every table of ours, bytes as they are."""
    tables = [name for name in connection.introspection.table_names() if name.startswith("accounts_")]
    found = []
    with connection.cursor() as cursor:
        for table in tables:
            cursor.execute(f"SELECT encode(convert_to(t::text, 'UTF8'), 'escape') FROM \"{table}\" t")
            found += [row for (row,) in cursor.fetchall()]
        cursor.execute("SELECT encode(context, 'escape') FROM accounts_mail")
        found += [row for (row,) in cursor.fetchall()]
    return "\n".join(found)


def everything_at_the_broker() -> bytes:
    client = redis.Redis.from_url(settings.REDIS_URL)
    return b"\n".join(client.dump(key) or b"" for key in client.scan_iter(count=1_000))


@pytest.mark.parametrize("is_sent", [False, True])
def test_a_single_use_link_stands_in_the_mail_alone(
    run_jobs: Callable[[], int],
    mailoutbox: list[EmailMultiAlternatives],
    caplog: pytest.LogCaptureFixture,
    *,
    is_sent: bool,
) -> None:
    caplog.set_level(logging.DEBUG)
    context = {"title": "Your link", "body": f"https://sextant.example/{SECRET}", "link": "x"}
    mail = send_mail(to="ann@example.com", template="notice", context=context, user=UserFactory.create())
    if is_sent:
        run_jobs()
        assert SECRET in mailoutbox[0].body
    post_mail.nudge(mail.pk, mail.queue)
    database = everything_in_the_database()
    assert str(mail.pk) in database
    for place in (SECRET, SECRET.encode().hex()):
        assert place not in database
    assert SECRET.encode() not in everything_at_the_broker()
    assert SECRET not in caplog.text


def test_operators_see_that_a_mail_failed_but_not_what_it_holds(
    monkeypatch: pytest.MonkeyPatch, run_jobs: Callable[[], int], settings: Settings
) -> None:
    plain = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    settings.STORAGES = {**settings.STORAGES, "staticfiles": plain}

    def fail(_mail: EmailMultiAlternatives, **_: Any) -> int:
        raise RuntimeError("a fault of ours")

    monkeypatch.setattr(EmailMultiAlternatives, "send", fail)
    mail = send_mail(
        to="ann@example.com", template="notice", context={"title": "A", "body": SECRET, "link": "x"}
    )
    run_jobs()
    operator = Client()
    operator.force_login(UserFactory.create(is_staff=True))
    for url in ("/admin/accounts/mail/", f"/admin/accounts/mail/{mail.pk}/change/"):
        page = operator.get(url).content.decode()
        assert "ann@example.com" in page
        assert "job.internal" in page
        assert SECRET not in page
        assert Mail.objects.get().context.hex()[:40] not in page
