"""Operators look at proposals and applications, cancel them, and try them again."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from apps.accounts.models import User
from apps.projects.models import Application, Proposal
from tests.furniture.people import Actors
from tests.projects.proposals.renames import Shop, apply, approved, propose

pytestmark = pytest.mark.django_db

Jobs = Callable[[], int]


@pytest.fixture
def staff(db: None) -> Client:
    user = User.objects.create(email="operator@example.com", name="Operator", is_staff=True)
    client = Client()
    client.force_login(user)
    return client


def act(staff: Client, model: str, action: str, row: Any) -> None:
    body = {"action": action, "_selected_action": [str(row.pk)]}
    assert staff.post(f"/admin/projects/{model}/", body, follow=True).status_code == 200
    row.refresh_from_db()


def shown(staff: Client, model: str, row: Any) -> str:
    assert staff.get(f"/admin/projects/{model}/").status_code == 200
    answer = staff.get(f"/admin/projects/{model}/{row.pk}/change/")
    assert answer.status_code == 200
    return answer.content.decode()


def test_an_application_shows_the_digest_of_its_patch(
    actors: Actors, shop: Shop, run_jobs: Jobs, staff: Client
) -> None:
    proposal, digest = approved(actors.analyst, shop, run_jobs)
    apply(actors.analyst, proposal, digest)
    row = Application.objects.get()
    assert digest in shown(staff, "application", row)
    assert "sum(items)" not in shown(staff, "proposal", proposal)
    act(staff, "application", "cancel", row)
    assert row.status == "cancelled"


def test_a_failed_analysis_is_tried_again(actors: Actors, shop: Shop, staff: Client) -> None:
    row = Proposal.objects.get(pk=propose(actors.analyst, shop.project).json()["id"])
    Proposal.objects.update(status="failed", state="failed", error_trace="Traceback of it")
    assert "Traceback of it" in shown(staff, "proposal", row)
    act(staff, "proposal", "retry", row)
    assert row.status == "queued"
