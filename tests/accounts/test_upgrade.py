"""What an upgrade does with the people an installation has already."""

import importlib
from datetime import UTC, datetime

import pytest
from django.db import connection
from django.db.migrations.loader import MigrationLoader
from django.test import Client
from django.utils import timezone

from apps.accounts.models import User
from tests.factories.accounts import PASSWORD, UserFactory

BEFORE = ("accounts", "0010_account_requests")
verify_earlier_users = importlib.import_module("apps.accounts.migrations.0011_verify_earlier_users")


def upgrade() -> None:
    with connection.schema_editor() as editor:
        verify_earlier_users.verify_users(MigrationLoader(connection).project_state(BEFORE).apps, editor)


def sign_in(user: User) -> int:
    body = {"email": user.email, "password": PASSWORD}
    return Client().post("/api/v1/auth/login", body, content_type="application/json").status_code


@pytest.mark.django_db
def test_people_from_before_addresses_were_confirmed_sign_in_after_the_upgrade() -> None:
    user = UserFactory.create(email_verified_at=None)
    assert sign_in(user) == 403
    upgrade()
    assert sign_in(user) == 200
    user.refresh_from_db()
    assert user.email_verified_at == user.created_at


@pytest.mark.django_db
def test_the_upgrade_takes_everybody_in_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verify_earlier_users, "BATCH_ROWS", 2)
    UserFactory.create_batch(5, email_verified_at=None)
    upgrade()
    assert not User.objects.filter(email_verified_at=None).exists()


@pytest.mark.django_db
def test_an_address_that_was_confirmed_keeps_its_time() -> None:
    confirmed_at = datetime(2026, 1, 2, tzinfo=UTC)
    user = UserFactory.create(email_verified_at=confirmed_at)
    upgrade()
    user.refresh_from_db()
    assert user.email_verified_at == confirmed_at < timezone.now()
