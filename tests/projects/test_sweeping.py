"""The sweep finds what it is asked for: else that it finds nothing would mean nothing."""

import logging

import pytest
import redis
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage

from apps.accounts.models import Notification
from apps.projects.models import Credential
from tests.factories.accounts import UserFactory
from tests.factories.projects import ProjectFactory
from tests.projects.sweeping import sweep

NEEDLE = 'pa"ss_wörd%2F-of-a-robot'


@pytest.fixture
def nothing(db: None, valkey: redis.Redis) -> None:
    """Begin where the needle is nowhere."""
    assert sweep([NEEDLE]) == []


@pytest.mark.usefixtures("nothing")
@pytest.mark.parametrize("kept", [{"a": [NEEDLE]}, {NEEDLE: 1}], ids=["value", "name"])
def test_it_looks_into_json(kept: dict[str, object]) -> None:
    ProjectFactory.create(settings=kept)
    assert sweep(["absent", NEEDLE]) == ["projects_project.settings"]


@pytest.mark.usefixtures("nothing")
def test_it_looks_into_texts_and_bytes() -> None:
    user = UserFactory.create()
    Notification.objects.create(user=user, kind="x", title="x", body=f"It is {NEEDLE}.", dedupe_key="1")
    project = ProjectFactory.create()
    Credential.objects.create(
        organization=project.organization,
        project=project,
        host="git.example",
        label="Robot",
        ciphertext=b"\0\xff" + NEEDLE.encode(),
    )
    assert sweep([NEEDLE]) == ["accounts_notification.body", "projects_credential.ciphertext"]
    assert sweep([NEEDLE], ignore=frozenset({"accounts_notification.body"})) == [
        "projects_credential.ciphertext"
    ]


@pytest.mark.usefixtures("nothing")
def test_it_looks_into_valkey_and_files(valkey: redis.Redis) -> None:
    valkey.hset("a-hash", "field", NEEDLE)
    valkey.xadd("a-stream", {"data": NEEDLE.encode()})
    valkey.set(NEEDLE, "1")
    default_storage.save("folder/a.txt", ContentFile(NEEDLE.encode()))
    assert sweep([NEEDLE]) == [
        "file:folder/a.txt", "valkey:a-hash", "valkey:a-stream", f"valkey:{NEEDLE}",
    ]  # fmt: skip


@pytest.mark.usefixtures("nothing")
@pytest.mark.parametrize(
    "said",
    [
        NEEDLE,
        "https://robot:pa%22ss_w%C3%B6rd%252F-of-a-robot@git.example/",
        "Authorization: Basic cm9ib3Q6cGEic3Nfd8O2cmQlMkYtb2YtYS1yb2JvdA==",
    ],
    ids=["plain", "address", "basic"],
)
def test_it_looks_into_the_log(said: str, caplog: pytest.LogCaptureFixture) -> None:
    logging.getLogger("git").warning("it said %s", said)
    assert sweep([NEEDLE], records=caplog.records) == ["log:git"]
