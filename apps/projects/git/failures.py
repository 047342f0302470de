"""How git can fail with a remote, told from what it says. Pure.

What git says is never shown to users: it may quote names, addresses, secrets. Its scrubbed end is the
`cause`, which only the operators see.
"""

import re
from collections.abc import Sequence
from typing import Final

from apps.projects.errors import GitFailed

CAUSE_MAX_CHARS: Final = 500


class RemoteFailed(GitFailed):
    """git ended with an error."""

    def __init__(self, detail: str | None = None, *, cause: str = "") -> None:
        super().__init__(detail)
        self.cause = cause[-CAUSE_MAX_CHARS:]


class RepoUnreachable(RemoteFailed):
    """The repository's host could not be reached, or did not answer as it should.

    It may be down, slow, unknown, or not a public host; which of them, only the operators see.
    """

    code = "projects.repo_unreachable"


class GitTooSlow(RepoUnreachable):
    """The repository did not arrive in the time that it may take."""


class RepoAuthFailed(RemoteFailed):
    """The repository is not there, or its host wants another credential."""

    code = "projects.repo_auth_failed"


class RepoTooLarge(RemoteFailed):
    """The repository is larger than its quota, or has too many branches and tags."""

    code = "projects.repo_too_large"


class RepoObjectsRefused(RemoteFailed):
    """The repository holds objects that no repository may have."""

    code = "projects.repo_objects_refused"


class RepoObjectsMissing(RemoteFailed):
    """The repository lacks objects that it needs, so it cannot be copied.

    `git fsck` on its host names them.
    """

    code = "projects.missing_objects"


class RepoCorrupt(RemoteFailed):
    """The copy of the repository is damaged."""

    code = "projects.repo_corrupt"


class RepoLost(RepoCorrupt):
    """The copy of the repository is gone, or another one lies in its place."""


class StorageFull(RemoteFailed):
    """There is not enough room on this server."""

    code = "projects.storage_full"


class GitStopped(RemoteFailed):
    """git ended without an answer."""


# The first one that is found decides; all in lower case.
SIGNS: Final[Sequence[tuple[type[RemoteFailed], Sequence[str]]]] = (
    (StorageFull, ("no space left on device", "disk quota exceeded")),
    # Memory runs out where a remote announces refs or objects beyond all measure.
    (RepoTooLarge, ("died of signal 25", "file too large", "file size limit", "out of memory")),
    (RepoObjectsRefused, ("fsck error", "error in object", "hasdotgit", "error in packed object")),
    (
        RepoObjectsMissing,
        (
            "did not receive expected object",
            "did not send all necessary objects",
            # What git's own server says when it finds a gap while it packs.
            "possible repository corruption on the remote side",
        ),
    ),
    (
        RepoAuthFailed,
        (
            "authentication failed",
            "could not read username",
            "could not read password",
            "unable to read askpass",
            "returned error: 401",
            "returned error: 403",
            "returned error: 404",
            "' not found",
            "access denied or repository not exported",
            "repository not found",
        ),
    ),
    (
        RepoUnreachable,
        (
            "could not resolve",
            "failed to connect",
            "couldn't connect",
            "unable to connect",
            "connection refused",
            "connection reset",
            "connection timed out",
            "network is unreachable",
            "no route to host",
            "operation too slow",
            "operation timed out",
            "returned error: 3",
            "returned error: 5",
            "returned error: 429",
            "redirect",
            "ssl",
            "tls",
            "certificate",
            "empty reply",
            "unable to access",
            "the remote end hung up",
            "early eof",
            "unexpected disconnect",
            "not a git repository",
            "bad line length",
            "protocol error",
            "expected flush",
            "invalid server response",
            "not valid: is this a git repository",
            # All that is said where a host takes the call and hangs up.
            "could not read from remote repository",
            # Said of a pack as it comes in, never of those that are here.
            "pack has bad object at offset",
        ),
    ),
    (
        RepoCorrupt,
        (
            "bad object",
            "missing blob",
            "missing tree",
            "missing commit",
            "object file",
            "is corrupt",
            "inflate",
        ),
    ),
)
# What the other host says of itself, say that its memory is used up, tells nothing of these.
OF_THIS_SERVER: Final = frozenset({StorageFull, RepoTooLarge, RepoObjectsRefused, RepoCorrupt})
USER_INFO: Final = re.compile(r"(?<=://)[^/\s@]*@")
AUTHORIZATION: Final = re.compile(r"(?i)(authorization|cookie)\s*[:=][^\r\n]*")
UNSHOWN: Final = re.compile(r"[^\x20-\x7e\n]")


def classify(said: str, *, exit_code: int) -> RemoteFailed:
    """Return the error that fits what git said (scrubbed) and how it ended; negative codes are signals."""
    lines = said.lower().splitlines()
    everything = "\n".join(lines)
    ours = "\n".join(line for line in lines if not line.startswith("remote:"))
    for error, signs in SIGNS:
        text = ours if error in OF_THIS_SERVER else everything
        if any(sign in text for sign in signs):
            return error(cause=said)
    return GitStopped(cause=said or f"git ended with {exit_code}")


def scrub(said: bytes, secrets: Sequence[bytes] = ()) -> str:
    """Return git's words as text without secrets, user info, headers, control characters."""
    for secret in secrets:
        if secret:
            said = said.replace(secret, b"***")
    text = USER_INFO.sub("***@", said.decode("utf-8", "replace"))
    return UNSHOWN.sub("?", AUTHORIZATION.sub(r"\1: ***", text)).strip()
