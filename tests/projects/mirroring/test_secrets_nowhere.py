"""A secret that opens a repository lies nowhere in the clear, whether it is taken or refused."""

from pathlib import Path

import pytest

from apps.projects.states import MirrorState
from tests.projects.mirroring.conftest import Linked
from tests.projects.mirroring.test_failing import Http, over_http
from tests.projects.repositories import Repository
from tests.projects.sweeping import sweep

SECRET = "ghp_Th1sIsTheSecretOfARobot"
CONTENT = "def the_code_of_somebody(): return 7"


def test_neither_secret_nor_code_lies_anywhere_after_a_clone_and_a_refusal(
    linked: Linked, remote: Repository, http: Http, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    remote.commit({"a.py": CONTENT})
    http[1].login = f"robot:{SECRET}"
    credential = linked.give_credential(http[0], SECRET.encode())
    assert linked.link(over_http(http, remote), credential=credential).status == "succeeded"
    http[1].login = "robot:another one, from now on"
    for _try in range(3):
        assert linked.sync().error_code == "projects.repo_auth_failed"
    assert linked.mirror.state == MirrorState.AUTH_FAILED
    assert sweep([SECRET, CONTENT], records=caplog.records, folders=[tmp_path]) == []
