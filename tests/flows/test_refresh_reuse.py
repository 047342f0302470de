"""Proof 2 of the platform: 50 refreshes at once give one token; the old one later ends everything."""

import datetime as dt
import json
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
from django.conf import settings
from django.utils import timezone
from websockets import ConnectionClosed, Origin
from websockets.sync.client import connect

from apps.accounts.models import AuditEntry, Mail, Notification, Session
from tests.factories.accounts import PASSWORD
from tests.furniture.people import Actors
from tests.furniture.stack import Stack

pytestmark = pytest.mark.flow


def test_fifty_refreshes_at_once_give_one_token_and_its_reuse_ends_the_session(
    stack: Stack, stack_actors: Actors
) -> None:
    user = stack_actors.viewer.user
    assert user is not None
    auth = f"{stack.url}/api/v1/auth"
    body = {"email": user.email, "password": PASSWORD}
    first = httpx.post(f"{auth}/login", json=body, timeout=30).json()["refresh"]

    def refresh(token: str) -> httpx.Response:
        return httpx.post(f"{auth}/refresh", json={"refresh": token}, timeout=60)

    with ThreadPoolExecutor(50) as pool:
        answers = list(pool.map(refresh, [first] * 50))
    assert [answer.status_code for answer in answers] == [200] * 50
    assert len({answer.json()["refresh"] for answer in answers}) == 1
    pair = answers[0].json()
    headers = {"Authorization": f"Bearer {pair['access']}"}
    with connect(stack.live_url, additional_headers=headers, origin=Origin(stack.url)) as live:
        assert json.loads(live.recv(timeout=30))["op"] == "welcome"
        # As if the grace in which the old token may come again were over.
        before = timezone.now() - dt.timedelta(seconds=settings.REFRESH_GRACE_S + 1)
        assert Session.objects.filter(user=user, rotated_at__gt=before).update(rotated_at=before) == 1
        reused = refresh(first)
        with pytest.raises(ConnectionClosed):
            live.recv(timeout=60)
        assert live.close_code == 4401
    assert (reused.status_code, reused.json()["code"]) == (401, "auth.token_reused")
    me = httpx.get(f"{stack.url}/api/v1/me", headers=headers, timeout=60)
    assert (me.status_code, me.json()["code"]) == (401, "auth.session_revoked")
    assert refresh(pair["refresh"]).json()["code"] == "auth.session_revoked"
    assert AuditEntry.objects.filter(verb="auth.token_reused", target_id=str(user.pk)).count() == 1
    assert Notification.objects.filter(user=user, kind="accounts.session_reused").count() == 1
    assert Mail.objects.filter(user=user, template="notice").count() == 1
