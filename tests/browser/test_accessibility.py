"""Every page in both colour schemes and on a telephone: no finding of axe, no complaint of the browser."""

import datetime as dt
from typing import Any, Literal, NamedTuple

import pytest
from django.conf import settings
from django.utils import timezone
from playwright.sync_api import Browser, Page

from apps.accounts.models import Invitation, Role, User
from apps.accounts.queries import invitation_hash
from apps.accounts.services import create_api_key, notify
from apps.metrics.metric_types import MetricType
from apps.signals.models import Comment
from apps.signals.policies import role_types_of
from apps.signals.states import SignalType
from tests.browser.chromium import new_page, sign_in
from tests.browser.installation import Installation
from tests.browser.pages import PUBLIC, visit, visit_all
from tests.factories.accounts import PASSWORD
from tests.factories.datasets import EventRow, published_dataset
from tests.factories.metrics import create_metric, send
from tests.factories.previews import make_preview
from tests.factories.projects import ProjectFactory
from tests.factories.signals import EventFactory, ObservationFactory, create_signal
from tests.furniture.people import Actors

TOKEN = "token-of-an-invitation"
AXE = settings.BASE_DIR / "node_modules" / "axe-core" / "axe.min.js"
RUN_AXE = """async () => {
  const { violations } = await axe.run(document, { resultTypes: ["violations"] });
  return violations
    .filter(({ impact }) => impact === "serious" || impact === "critical")
    .map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.target.join(" ")).join(", ")}`);
}"""

pytestmark = pytest.mark.browser


class Look(NamedTuple):
    """How a person sees the pages."""

    width: int
    scheme: Literal["light", "dark"]


LOOKS = (Look(1440, "light"), Look(1440, "dark"), Look(360, "light"))


@pytest.fixture
def events(actors: Actors) -> None:
    rows = [EventRow(51.5 + n / 1000, -0.1 + n / 800, category=f"Category {n % 12}") for n in range(40)]
    dataset = published_dataset(rows, organization=actors.organization)
    dataset.imports.create(rows_read=42, accepted=40, rejected=2, status="succeeded")


@pytest.fixture
def metrics(actors: Actors) -> None:
    now = timezone.now()
    requests = create_metric(actors.organization, "web.requests;host=a", MetricType.COUNTER, unit="requests")
    latency = create_metric(actors.organization, "web.latency", unit="ms")
    minutes = [now - dt.timedelta(minutes=n) for n in range(90) if not 20 < n < 40]
    send([(metric, at, 1234.5 + at.minute) for metric in (requests, latency) for at in minutes])


@pytest.fixture
def signals(actors: Actors) -> None:
    role_types_of(actors.organization)
    long = "Ear, Nose/Throat: A|B " * 8
    worst = create_signal(
        actors.organization,
        facility_name=long.strip(),
        status="assigned",
        assignee=actors.analyst.user,
        quality_flags=["few_periods"],
    )
    ObservationFactory.create(signal=worst)
    Comment.objects.create(organization=actors.organization, signal=worst, body="See `beds`:\n\n* one\n* two")
    EventFactory.create(signal=worst)
    for number, kind in enumerate(SignalType):
        create_signal(actors.organization, severity=number, signal_type=kind, facility_name=f"House {kind}")


@pytest.fixture
def previews(actors: Actors) -> None:
    """Give a preview that a device has fetched, and one that was cleared away."""
    project = ProjectFactory.create(
        organization=actors.organization, owner=actors.admin.user, name="A/rather,long|name " * 6
    )
    row = make_preview(
        project,
        label="Sprint 7",
        uses=1,
        max_devices=2,
        first_opened_at=timezone.now(),
        next_status="pending",
    )
    parts = {"organization": actors.organization, "session": row}
    agent = "Mozilla/5.0 (X11; Linux x86_64) Chrome/140 Safari/537.36"
    row.devices.create(**parts, device_hash=b"d", label="Chrome on Linux", last_seen_at=timezone.now())
    row.accesses.create(
        **parts, at=timezone.now(), kind="download", network="192.0.2.0/24", agent=agent, bytes=9
    )
    receipt = {"objects": 1, "bytes": 2_000, "sha256s": ["ab" * 32], "at": "2026-01-14T12:00:00Z"}
    make_preview(project, status="purged", ended_at=timezone.now(), purged_at=timezone.now(), receipt=receipt)


@pytest.fixture
def admin(actors: Actors) -> User:
    """Give somebody who may look at every page, among rows of each kind, with a name that is hard to fit."""
    user = actors.admin.user
    assert user is not None
    User.objects.filter(pk=user.pk).update(name="Bartholomew-Maximilian Featherstonehaugh-Cholmondeley")
    create_api_key(actor=actors.admin.actor, name="Loader", role=Role.VIEWER, scopes=["datasets:read"])
    notify(user=user, kind="accounts.invited", title="You are invited", dedupe_key="accessibility")
    invitations = {"invited@example.com": b"-", "a.rather.long.address.of.somebody@example.com": None}
    for email, token_hash in invitations.items():
        Invitation.objects.create(
            organization=actors.organization,
            email=email,
            role=Role.VIEWER,
            token_hash=token_hash or invitation_hash(TOKEN),
            expires_at=timezone.now() + dt.timedelta(days=7),
        )
    return user


def findings(page: Page) -> list[Any]:
    """Return what axe finds that is serious or critical."""
    # Evaluated by the debugger, which the content security policy does not bind.
    page.evaluate(AXE.read_text())
    found: list[Any] = page.evaluate(RUN_AXE)
    return found


def is_wider_than_the_screen(page: Page) -> bool:
    return bool(page.evaluate("document.documentElement.scrollWidth > window.innerWidth"))


def all_findings(page: Page) -> list[Any]:
    return findings(page) + ["wider than the screen"] * is_wider_than_the_screen(page)


def visit_everything(browser: Browser, url: str, user: User, look: Look) -> dict[str, Any]:
    """Open every page in a fresh profile, and return what is wrong with each."""
    page, complaints = new_page(browser, base_url=url, width=look.width, colour_scheme=look.scheme)
    found: dict[str, Any] = {}
    for address in (*PUBLIC, f"/accounts/invitations/{TOKEN}/"):
        name = visit(page, address)
        found[name] = all_findings(page)
    sign_in(page, email=user.email, password=PASSWORD)
    for name in visit_all(page):
        found[name] = all_findings(page)
    found["complaints"] = [
        complaint for complaint in complaints.found if "/nowhere" not in complaint and "404" not in complaint
    ]
    page.context.close()
    return {name: wrong for name, wrong in found.items() if wrong}


@pytest.mark.usefixtures("events", "metrics", "signals", "previews")
def test_pages_are_accessible_and_quiet(admin: User, installation: Installation, browser: Browser) -> None:
    """All looks in one test: what takes longest is the start of the installation, and its rows."""
    wrong = {look: visit_everything(browser, installation.url, admin, look) for look in LOOKS}
    assert wrong == {look: {} for look in LOOKS}
