"""Passwords hashed as the product does it, but with hardly any of the work that is meant to stop guessing."""

import pytest
from django.conf import settings
from django.contrib.auth.hashers import Argon2PasswordHasher


class QuickArgon2(Argon2PasswordHasher):
    """Argon2id in a thousandth of the time."""

    time_cost = 1
    memory_cost = 64
    parallelism = 1


def pytest_configure(config: pytest.Config) -> None:
    """Hash by it in this process, before anything is hashed."""
    settings.PASSWORD_HASHERS = [f"{QuickArgon2.__module__}.{QuickArgon2.__qualname__}"]
