"""Credentials: stored, replaced in place, never shown, gone with what they were for."""

import datetime as dt
from typing import Any

import pytest
from django.utils import timezone

from apps.accounts.models import AuditEntry, Notification
from apps.projects.models import Credential, Project
from apps.projects.notices import CREDENTIAL_EXPIRING
from apps.projects.services.credentials import CREDENTIALS_MAX, drop_other_hosts, tell_expiring
from apps.projects.vault import open_secret
from tests.factories.projects import ProjectFactory, ProjectMemberFactory
from tests.furniture.people import Actors
from tests.furniture.query_counts import Check
from tests.projects.sweeping import sweep

SECRET = "ghp_Th1sIsTheSecretOfARobot"
BODY = {"kind": "https", "host": "Git.Example.", "label": "Robot", "username": "robot", "secret": SECRET}


@pytest.fixture
def project(actors: Actors) -> Project:
    """Give a project of the analyst that all see."""
    return ProjectFactory.create(organization=actors.organization, owner=actors.analyst.user)


def url(project: Project, *more: Any) -> str:
    return "/".join(["/api/v1/projects", str(project.pk), "credentials", *map(str, more)])


def stored(actors: Actors, project: Project, **fields: Any) -> Any:
    answer = actors.analyst.api.post(url(project), BODY | fields, format="json")
    assert answer.status_code == 201, answer.json()
    return answer.json()


def test_a_secret_is_stored_and_never_shown(
    actors: Actors, project: Project, caplog: pytest.LogCaptureFixture
) -> None:
    found = stored(actors, project)
    assert (found["host"], found["port"], found["last4"]) == ("git.example", 443, "obot")
    row = Credential.objects.get(pk=found["id"])
    assert open_secret(row) == SECRET.encode()
    renewed = "ghp_AndThisIsTheOneAfterIt00"
    client = actors.analyst.api
    changed = client.patch(url(project, row.pk), {"secret": renewed}, format="json")
    row.refresh_from_db()
    assert open_secret(row) == renewed.encode()
    assert changed.json()["id"] == found["id"]
    seen = [client.get(url(project)), client.get(url(project, row.pk)), changed]
    wrong = client.post(url(project), BODY | {"secret": renewed + "\n"}, format="json")
    assert wrong.status_code == 422
    client.delete(url(project, row.pk))
    assert not [a for a in (*seen, wrong) if SECRET in a.content.decode() or renewed in a.content.decode()]
    assert sweep([SECRET, renewed], records=caplog.records) == []
    verbs = AuditEntry.objects.filter(verb__startswith="projects.credential").values_list("verb", flat=True)
    assert set(verbs) == {
        "projects.credential_added",
        "projects.credential_changed",
        "projects.credential_deleted",
    }


@pytest.mark.parametrize(
    "fields",
    [
        {"kind": "ssh"},
        {"host": "git.example/path"},
        {"host": "user@git.example"},
        {"host": "git.example:443"},
        {"host": "-oProxyCommand"},
        {"host": ""},
        {"port": 0},
        {"port": 65_536},
        {"username": "two\nlines"},
        {"secret": ""},
        {"secret": "x" * 16_385},
        {"label": "x" * 81},
        {"expires_at": "tomorrow"},
        {"known_hosts": "git.example ssh-ed25519 AAAA"},
    ],
)
def test_what_is_no_credential_is_refused(actors: Actors, project: Project, fields: dict[str, Any]) -> None:
    answer = actors.analyst.api.post(url(project), BODY | fields, format="json")
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == f"/{next(iter(fields))}"


def test_a_label_names_one_credential_of_a_project(actors: Actors, project: Project) -> None:
    stored(actors, project)
    again = actors.analyst.api.post(url(project), BODY, format="json")
    assert (again.status_code, again.json()["code"]) == (409, "conflict.duplicate")
    stored(actors, project, label="Other")


@pytest.mark.parametrize("name", ["host", "port", "kind"])
def test_a_secret_cannot_be_turned_to_another_host(actors: Actors, project: Project, name: str) -> None:
    found = stored(actors, project)
    answer = actors.analyst.api.patch(url(project, found["id"]), {name: "evil.example"}, format="json")
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (422, "unknown_field")


def test_a_project_has_so_many_credentials_and_no_more(actors: Actors, project: Project) -> None:
    first = Credential.objects.get(pk=stored(actors, project)["id"])
    Credential.objects.bulk_create(
        Credential(
            organization=project.organization,
            project=project,
            host="git.example",
            label=f"Robot {number}",
            ciphertext=first.ciphertext,
        )
        for number in range(1, CREDENTIALS_MAX)
    )
    answer = actors.analyst.api.post(url(project), BODY | {"label": "One more"}, format="json")
    assert (answer.status_code, answer.json()["code"]) == (409, "quota.exceeded")


def test_who_is_not_in_charge_sees_no_credentials(actors: Actors, project: Project) -> None:
    found = stored(actors, project)
    ProjectMemberFactory.create(project=project, user=actors.viewer.user)
    for place in (url(project), url(project, found["id"])):
        assert actors.viewer.api.get(place).status_code == 403
        assert actors.stranger.api.get(place).status_code == 404
        assert actors.manager.api.get(place).status_code == 200


def test_the_credential_of_another_project_is_not_there(actors: Actors, project: Project) -> None:
    other = ProjectFactory.create(organization=actors.organization, owner=actors.analyst.user)
    found = stored(actors, other)
    assert actors.analyst.api.get(url(project, found["id"])).status_code == 404


def test_an_archived_project_shows_its_credentials_and_changes_none(actors: Actors, project: Project) -> None:
    found = stored(actors, project)
    actors.analyst.api.post(f"/api/v1/projects/{project.pk}/archive")
    assert actors.analyst.api.get(url(project)).status_code == 200
    assert actors.analyst.api.delete(url(project, found["id"])).json()["code"] == "projects.archived"


def test_another_host_drops_the_secrets_of_the_one_before(actors: Actors, project: Project) -> None:
    stored(actors, project)
    kept = stored(actors, project, label="Other", host="git.example", port=8443)
    dropped = drop_other_hosts(actor=actors.analyst.actor, project=project, host="git.example", port=8443)
    assert dropped == 1
    assert str(Credential.objects.get().pk) == kept["id"]


def test_those_in_charge_hear_twice_that_a_credential_expires(actors: Actors, project: Project) -> None:
    now = timezone.now()
    stored(actors, project, expires_at=(now + dt.timedelta(days=20)).isoformat())
    told = []
    for days in (0, 5, 7, 10, 18, 19, 21):
        tell_expiring(now=now + dt.timedelta(days=days))
        told.append(Notification.objects.filter(kind=CREDENTIAL_EXPIRING, user=actors.analyst.user).count())
    assert told == [0, 0, 1, 1, 2, 2, 2]


def test_a_list_of_credentials_takes_as_many_queries_for_many_as_for_one(
    actors: Actors, project: Project, same_queries: Check
) -> None:
    made = iter(range(100))
    same_queries(
        "project-credentials",
        lambda: stored(actors, project, label=f"Robot {next(made)}"),
        lambda: actors.analyst.api.get(url(project)),
    )
