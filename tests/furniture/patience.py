"""Waiting longer for Valkey than the product does.

Where a second of waiting is spared, a call that is given up loses an event or a count. On a machine that
others use half a second passes with nothing wrong.
"""

from typing import Any, Final

from django.conf import settings

from apps.common import valkey
from apps.common.live import archive

PATIENCE_S: Final = 30.0
LIMITS: Final = [
    (module, name) for module in (valkey, archive) for name in ("CONNECT_TIMEOUT_S", "CALL_TIMEOUT_S")
]
OF_PRODUCT: Final = [float(getattr(module, name)) for module, name in LIMITS]


def be_patient() -> None:
    """Let this process wait; to be called before anything connects."""
    for module, name in LIMITS:
        setattr(module, name, PATIENCE_S)
    caches: dict[str, Any] = settings.CACHES
    options = caches["default"]["OPTIONS"]
    options |= {"SOCKET_CONNECT_TIMEOUT": PATIENCE_S, "SOCKET_TIMEOUT": PATIENCE_S}
