"""What a secret opens: one query, in which every condition stands.

Unknown, expired, revoked, of an archived project, of somebody who may not share it any more: all of these
give no row by the same statement, so neither the answer nor its time tells them apart.
"""

import functools
import uuid
from typing import Final

from django.conf import settings
from django.db.models import Exists, Expression, F, Model, OuterRef, Q, QuerySet
from django.db.models.functions import Now

from apps.accounts.models import Membership, Role
from apps.common.prepared import Prepared
from apps.previews.errors import PreviewNotAvailable
from apps.previews.models import Bundle, Device, Token
from apps.previews.states import LIVE, SessionStatus, TokenKind
from apps.previews.tokens import possible_device_hashes, possible_hashes
from apps.projects.models import Project, ProjectMember

EDITOR: Final = "editor"
# Of a session's project only the name is told, and of its bundle what it is. A device that waits asks every
# few seconds; to fetch all columns, and to make objects of them, takes longer than to find the rows.
PROJECT_SAID: Final = frozenset({"id", "name"})
BUNDLE_SAID: Final = frozenset({"id", "sha256", "size_bytes", "entry"})


def find_bearer(raw: str) -> Token:
    """Return the owner's token with its session, project and bundle; raises PreviewNotAvailable.

    Its `server_time` is the database's.
    """
    return _first(_session_tokens(len(settings.KEY_PEPPERS)), raw)


def find_grant(raw: str) -> Token:
    """Return a download grant with its session and bundle; raises PreviewNotAvailable."""
    return _first(_grants(len(settings.KEY_PEPPERS)), raw)


def find_device(session_id: uuid.UUID, device_id: str) -> Device | None:
    """Return the device of a session that calls itself so, also one whose slot was taken back."""
    hashes = possible_device_hashes(session_id, device_id)
    named = dict(zip(_names(len(hashes)), hashes, strict=True))
    return _devices(len(hashes)).first(session_id=session_id, **named)


def openable(prefix: str) -> Q:
    """Return the condition that the session behind `prefix` (say `session__`) can be opened now."""
    project, organization = f"{prefix}project__", f"{prefix}organization__"
    return Q(
        **{
            f"{prefix}status__in": LIVE,
            f"{prefix}expires_at__gt": Now(),
            f"{project}archived_at__isnull": True,
            f"{project}deleted_at__isnull": True,
            f"{organization}suspended_at__isnull": True,
            f"{organization}deleted_at__isnull": True,
        }
    ) & _creator_edits(prefix)


def _creator_edits(prefix: str) -> Q:
    """Return the condition that whoever created the session may still edit its project.

    As `projects` decides for an actor: an admin everywhere, a manager where they see it, an analyst on
    projects of their own or where they are an editor.
    """
    creator = OuterRef(f"{prefix}created_by")
    membership = Membership.objects.filter(
        user=creator, organization=OuterRef(f"{prefix}organization"), user__is_active=True
    )
    joined = ProjectMember.objects.filter(user=creator, project=OuterRef(f"{prefix}project"))
    is_owner = Q(**{f"{prefix}project__owner": F(f"{prefix}created_by")})
    sees = is_owner | Q(**{f"{prefix}project__visibility": "organization"}) | Exists(joined)
    edits = is_owner | Exists(joined.filter(role=EDITOR))
    return (
        Exists(membership.filter(role=Role.ADMIN))
        | (Exists(membership.filter(role=Role.MANAGER)) & sees)
        | (Exists(membership.filter(role=Role.ANALYST)) & edits)
    )


@functools.cache
def _session_tokens(peppers: int) -> Prepared[Token]:
    def build(**hashes: Expression) -> QuerySet[Token]:
        parts = _living(hashes, TokenKind.OWNER).select_related("session__project", "session__current_bundle")
        return parts.defer(
            *_all_but("session__project", Project, PROJECT_SAID),
            *_all_but("session__current_bundle", Bundle, BUNDLE_SAID),
        )

    return Prepared(build, *_names(peppers))


def _all_but(prefix: str, model: type[Model], said: frozenset[str]) -> list[str]:
    """Return the columns of a related model that are not said, as a query names them."""
    names = [field.attname for field in model._meta.concrete_fields]  # noqa: SLF001 - documented by Django
    return [f"{prefix}__{name}" for name in names if name not in said]


@functools.cache
def _devices(peppers: int) -> Prepared[Device]:
    def build(session_id: Expression, **hashes: Expression) -> QuerySet[Device]:
        any_hash = (Q(device_hash=each) for each in hashes.values())
        return Device.objects.filter(functools.reduce(lambda a, b: a | b, any_hash), session_id=session_id)

    return Prepared(build, "session_id", *_names(peppers))


@functools.cache
def _grants(peppers: int) -> Prepared[Token]:
    def build(**hashes: Expression) -> QuerySet[Token]:
        return (
            _living(hashes, TokenKind.DOWNLOAD)
            .filter(
                Q(device__isnull=True) | Q(device__ended_at__isnull=True),
                session__status=SessionStatus.READY,
                bundle__isnull=False,
            )
            .select_related("bundle", "session")
        )

    return Prepared(build, *_names(peppers))


def _living(hashes: dict[str, Expression], kind: TokenKind) -> QuerySet[Token]:
    """Return the tokens of a kind that open something now."""
    any_hash = functools.reduce(lambda one, other: one | other, (Q(hash=each) for each in hashes.values()))
    tokens: QuerySet[Token] = (
        Token.objects.filter(any_hash, openable("session__"), kind=kind, revoked_at__isnull=True)
        .filter(expires_at__gt=Now())
        .annotate(server_time=Now())
    )
    return tokens


def _names(peppers: int) -> list[str]:
    return [f"hash_{number}" for number in range(peppers)]


def _first(prepared: Prepared[Token], raw: str) -> Token:
    hashes = possible_hashes(raw)
    token = prepared.first(**dict(zip(_names(len(hashes)), hashes, strict=True)))
    if token is None:
        raise PreviewNotAvailable
    return token
