"""Somebody who has an account is told of an invitation in the product as well, without its secret."""

import re

from django.utils import timezone

from apps.accounts.models import Notification
from tests.factories.accounts import UserFactory
from tests.furniture.people import Actors


def test_an_invited_user_is_told_once_and_only_at_a_verified_address(
    actors: Actors,
) -> None:
    ann = UserFactory.create(email="ann@example.com", email_verified_at=timezone.now())
    UserFactory.create(email="bob@example.com", email_verified_at=None)
    url = f"/api/v1/organizations/{actors.organization.pk}/invitations"
    for email in ("Ann@Example.com", "bob@example.com", "cleo@example.com"):
        answer = actors.admin.api.post(url, {"email": email, "role": "viewer"}, format="json")
        assert answer.status_code == 201, answer.content
    notice = Notification.objects.get()
    assert (notice.user, notice.organization) == (ann, actors.organization)
    assert actors.organization.name in notice.title
    assert not re.search(r"[0-9A-Za-z_-]{20,}", notice.title + notice.body)
