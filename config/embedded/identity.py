"""Who runs an embedded process: PostgreSQL refuses root, and no account is made for it.

As root, and for a user id without an account, the process gets a user namespace of its own in which it is
`nobody`, while to the rest of the machine it stays the caller. Where namespaces are forbidden, root drops to
`nobody`.
"""

import ctypes
import enum
import os
import pwd
import signal
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

CLONE_NEWUSER: Final = 0x10000000
PR_SET_PDEATHSIG: Final = 1
FOLDER_ACCESS: Final = os.R_OK | os.W_OK | os.X_OK

# Loaded before any fork: loading a library in a forked child could wait for a lock forever.
_libc = ctypes.CDLL(None, use_errno=True)


class Identity(enum.Enum):
    """The ways to run an unprivileged process, in the order of preference."""

    CALLER = "caller"
    NAMESPACE = "namespace"
    NOBODY = "nobody"


def nobody() -> pwd.struct_passwd:
    """Return the unprivileged account that every Linux has."""
    return pwd.getpwnam("nobody")


def file_owner(identity: Identity) -> int:
    """Return the user id that owns the files of a process, as seen from outside of it."""
    return nobody().pw_uid if identity is Identity.NOBODY else os.geteuid()


def choose_identity(folder: Path, program: Path) -> Identity | None:
    """Return the first identity that can start `program` and write into `folder`; None if there is none."""
    return next((one for one in candidates() if can_run(one, folder, program)), None)


def candidates() -> Sequence[Identity]:
    """Return the identities worth trying for the calling user."""
    if os.geteuid() == 0:
        return [Identity.NAMESPACE, Identity.NOBODY]
    return [Identity.CALLER] if has_account(os.geteuid()) else [Identity.NAMESPACE]


def has_account(uid: int) -> bool:
    """Tell whether the machine knows a name for a user id; initdb stops without one."""
    try:
        pwd.getpwuid(uid)
    except KeyError:
        return False
    return True


def can_run(identity: Identity, folder: Path, program: Path) -> bool:
    """Try an identity for real: permissions of every parent folder and the kernel's settings count."""
    hand_over(folder, identity)
    let_through(folder.parent, identity)

    def enter() -> None:
        assume(identity)
        if not os.access(folder, FOLDER_ACCESS):
            raise PermissionError(folder)

    try:
        tried = subprocess.run([program, "--version"], preexec_fn=enter, capture_output=True, check=False)
    except (OSError, subprocess.SubprocessError):
        return False
    return tried.returncode == 0


def hand_over(folder: Path, identity: Identity) -> None:
    """Give a folder of ours, with all it holds, to the identity that works in it."""
    owner = file_owner(identity)
    if os.geteuid() != 0 or folder.stat().st_uid == owner:
        return
    for parent, folders, files in os.walk(folder):
        for name in (*folders, *files):
            os.chown(Path(parent, name), owner, -1, follow_symlinks=False)
    # Last, so that an interrupted walk is taken up again.
    os.chown(folder, owner, -1)


def let_through(folder: Path, identity: Identity) -> None:
    """Let an identity pass through a private folder of ours, without seeing what lies in it."""
    if identity is Identity.NOBODY:
        os.chown(folder, -1, nobody().pw_gid)
        folder.chmod(0o710)


def child_setup(identity: Identity, death_signal: signal.Signals) -> Callable[[], None]:
    """Return what a forked child does before it becomes the program.

    The kernel forgets the parent-death signal when credentials change, so it is asked for last; a parent that
    died before that would never be noticed, so its id is compared afterwards.
    """
    parent = os.getpid()

    def prepare() -> None:
        assume(identity)
        die_with_parent(death_signal, parent)

    return prepare


def die_with_parent(death_signal: signal.Signals, parent: int) -> None:
    """Ask the kernel to send `death_signal` to this process when its parent ends."""
    _libc.prctl(PR_SET_PDEATHSIG, int(death_signal), 0, 0, 0)
    if os.getppid() != parent:
        os.kill(os.getpid(), signal.SIGKILL)


def assume(identity: Identity) -> None:
    """Become `identity`; only in a child that is about to be replaced by a program."""
    if identity is Identity.NAMESPACE:
        enter_namespace()
    elif identity is Identity.NOBODY:
        account = nobody()
        os.setgroups([])
        os.setgid(account.pw_gid)
        os.setuid(account.pw_uid)


def enter_namespace() -> None:
    """Enter a user namespace in which the caller is `nobody` and no other user exists."""
    outer_uid, outer_gid = os.geteuid(), os.getegid()
    account = nobody()
    if _libc.unshare(CLONE_NEWUSER) != 0:
        raise OSError(ctypes.get_errno(), "user namespaces are not allowed")
    Path("/proc/self/setgroups").write_text("deny")
    Path("/proc/self/uid_map").write_text(f"{account.pw_uid} {outer_uid} 1")
    Path("/proc/self/gid_map").write_text(f"{account.pw_gid} {outer_gid} 1")
