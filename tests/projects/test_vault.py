"""A secret opens for the one credential and address it was stored for."""

import pytest

from apps.common.encryption import SealBrokenError
from apps.projects.models import Credential
from apps.projects.vault import open_secret, seal_secret
from tests.factories.projects import ProjectFactory

SECRET = b"ghp_0123456789abcdefghij"


def sealed(**fields: object) -> Credential:
    project = ProjectFactory.create()
    row = Credential(
        organization=project.organization, project=project, label="Robot", **{"host": "git.example", **fields}
    )
    seal_secret(row, SECRET)
    row.save()
    return Credential.objects.get(pk=row.pk)


def test_what_was_sealed_opens(db: None) -> None:
    row = sealed()
    assert open_secret(row) == SECRET
    assert SECRET not in bytes(row.ciphertext)
    assert row.last4 == "ghij"


@pytest.mark.parametrize(("field", "value"), [("host", "git.example.org"), ("port", 8443)])
def test_it_does_not_open_for_another_address(db: None, field: str, value: object) -> None:
    row = sealed()
    setattr(row, field, value)
    with pytest.raises(SealBrokenError):
        open_secret(row)


def test_it_does_not_open_in_another_row(db: None) -> None:
    row, other = sealed(), sealed()
    other.ciphertext = row.ciphertext
    with pytest.raises(SealBrokenError):
        open_secret(other)


def test_a_short_secret_shows_nothing_of_itself(db: None) -> None:
    row = sealed()
    seal_secret(row, b"hunter2")
    assert row.last4 == ""
