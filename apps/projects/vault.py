"""Secrets of credentials: each is sealed for one project, row and address, and opens nowhere else.

Nothing else reads `ciphertext`. What is opened goes to git through a pipe and is never kept.
"""

from apps.common.encryption import seal, unseal
from apps.projects.models import Credential


def seal_secret(credential: Credential, secret: bytes) -> None:
    """Put a secret onto the row, which is not saved here; its organization, project, host and port are set.

    `last4` are the last four characters, of a secret long enough that they give nothing away.
    """
    credential.ciphertext = seal(secret, place=_place(credential))
    credential.last4 = _end_of(secret)


def open_secret(credential: Credential) -> bytes:
    """Return the secret; raises SealBrokenError if it was sealed for another row or address."""
    return unseal(credential.ciphertext, place=_place(credential))


def _place(credential: Credential) -> str:
    return (
        f"projects.credential.secret:{credential.organization_id}:{credential.project_id}"
        f":{credential.pk}:{credential.host}:{credential.port}"
    )


def _end_of(secret: bytes) -> str:
    """Return the last four characters of a secret that has at least four times as many."""
    text = secret.decode("ascii", "replace")
    return text[-4:] if len(text) >= 16 and text.isascii() and text.isprintable() else ""  # noqa: PLR2004
