"""One answer of the API against the mart, as a member of the organization gets it."""

from typing import Any, Final

from django.db import connection
from django.urls import resolve
from psycopg.sql import SQL, Identifier
from rest_framework.test import APIRequestFactory, force_authenticate

from apps.accounts.authentication import Credentials
from apps.accounts.models import Membership
from apps.signals.checking.findings import Check
from apps.signals.models import Run, Signal
from apps.signals.storage.mart_schema import FCT_SIGNALS
from apps.signals.storage.marts import mart

# What it is called on the wire -> the column of the mart.
COMPARED: Final = {
    "metric_value": "metric_value",
    "severity": "severity",
    "signal_type": "signal_type",
    "facility_id": "facility_id",
    "generated_description": "description",
}


def check_answer(run: Run) -> Check:
    """Read one signal whose content is the run's through the API, and compare it with the mart."""
    check = Check("answer")
    signal = Signal.objects.filter(content_run=run).order_by("-severity", "pk").first()
    members = Membership.objects.filter(organization=run.organization_id, user__is_active=True)
    member = members.select_related("user").order_by("pk").first()
    if signal is None or member is None:
        check.skipped = "no signal has its content from this run" if member else "nobody is a member"
        return check
    answer = _get(f"/api/v1/signals/{signal.pk}", member)
    for (name, column), expected in zip(COMPARED.items(), _mart_row(run, signal), strict=True):
        said = answer.get(name)
        check.expect(holds=said == expected, otherwise=f"{signal.pk}: {name} is {said}, {column} {expected}")
    return check


def _mart_row(run: Run, signal: Signal) -> tuple[Any, ...]:
    statement = SQL("SELECT {} FROM {} WHERE run_id = %s AND signal_key = %s").format(
        SQL(", ").join(map(Identifier, COMPARED.values())), mart(FCT_SIGNALS)
    )
    with connection.cursor() as cursor:
        cursor.execute(statement, [run.pk, signal.signal_key])
        return cursor.fetchone() or (None,) * len(COMPARED)


def _get(path: str, member: Membership) -> dict[str, Any]:
    """Return what a member gets at an address; empty if it is refused."""
    request = APIRequestFactory().get(path, SERVER_NAME="localhost")
    credentials = Credentials(user=member.user, requested_organization=str(member.organization_id))
    force_authenticate(request, user=member.user, token=credentials)
    view, arguments, named = resolve(path)
    response = view(request, *arguments, **named)
    return dict(response.data) if response.status_code == 200 else {}  # noqa: PLR2004 - HTTP
