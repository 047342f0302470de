"""System checks find what would hurt, and say what to do."""

from pathlib import Path
from typing import Any

import pytest
from django.test import override_settings

from apps.common.checks import CHECKS

GOOD: dict[str, Any] = {
    "DEBUG": False,
    "BASE_URL": "https://sextant.example",
    "IS_HTTPS": True,
    "ALLOWED_HOSTS": ["sextant.example"],
    "TRUSTED_PROXIES": ["10.0.0.0/8"],
}


def found(**changed: Any) -> list[str]:
    with override_settings(**(GOOD | changed)):
        messages = [message for check in CHECKS for message in check(app_configs=None)]
    assert all(message.hint for message in messages)
    return [str(message.id) for message in messages]


@pytest.mark.parametrize(
    ("changed", "ids"),
    [
        ({}, []),
        ({"DEBUG": True}, ["sextant.E001"]),
        ({"DEBUG": True, "BASE_URL": "http://localhost:8000", "ALLOWED_HOSTS": ["localhost"]}, []),
        ({"BASE_URL": "https://sextant.example/below"}, ["sextant.E002"]),
        ({"BASE_URL": "sextant.example"}, ["sextant.E002"]),
        ({"BASE_URL": "https://other.example"}, ["sextant.E003"]),
        ({"BASE_URL": "https://a.b.example", "ALLOWED_HOSTS": [".b.example"]}, []),
        ({"ROLE": "web", "STATIC_ROOT": Path("/nonexistent")}, ["sextant.E004"]),
        ({"TRUSTED_PROXIES": ["0.0.0.0/0"]}, ["sextant.E005"]),
        ({"BASE_URL": "http://sextant.example", "IS_HTTPS": False}, ["sextant.W001"]),
    ],
)
def test_a_check_finds_its_fault_and_no_other(changed: dict[str, Any], ids: list[str]) -> None:
    assert found(**changed) == ids
