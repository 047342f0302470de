"""The static files, looked through once a process instead of once a test client.

Every client loads the middleware anew, and WhiteNoise looks at some five hundred files then: that takes
several times as long as a request.
"""

from collections.abc import Iterator
from typing import Any

import pytest
from django.conf import settings
from whitenoise import WhiteNoise


@pytest.fixture(scope="session", autouse=True)
def static_files_seen_once() -> Iterator[None]:
    """Let each later WhiteNoise of the same folder and storage take what the first one found."""
    seen: dict[tuple[Any, ...], dict[str, Any]] = {}
    look = WhiteNoise.update_files_dictionary

    def update(self: Any, root: str, prefix: str) -> None:
        storages: dict[str, Any] = settings.STORAGES
        # The storage says which names are immutable.
        key = (type(self), storages["staticfiles"]["BACKEND"], root, prefix)
        if key not in seen:
            look(self, root, prefix)
            seen[key] = dict(self.files)
        self.files.update(seen[key])

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(WhiteNoise, "update_files_dictionary", update)
        yield
