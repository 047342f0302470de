"""The tools of accounts itself."""

import uuid
from typing import Annotated

import msgspec

from apps.accounts.permissions import Actor
from apps.common.tools import NoArguments, Result, Tool, register_tool


class PersonFacts(Result):
    """A user."""

    id: uuid.UUID
    email: str
    name: str


class KeyFacts(Result):
    """An API key, by what its owner calls it."""

    name: str
    prefix: str
    scopes: list[str]


class OrganizationFacts(Result):
    """An organization."""

    id: uuid.UUID
    name: str
    slug: str


class Whoami(Result):
    """Who calls, where, and what they may do."""

    organization: OrganizationFacts
    role: str
    permissions: Annotated[list[str], msgspec.Meta(description="Named app.verb.")]
    user: PersonFacts | None = None
    key: KeyFacts | None = None


def whoami(actor: Actor, _arguments: NoArguments) -> Whoami:
    """Return who calls. Issues no query."""
    user, key, organization = actor.user, actor.api_key, actor.organization
    return Whoami(
        organization=OrganizationFacts(id=organization.pk, name=organization.name, slug=organization.slug),
        role=actor.role.value,
        permissions=sorted(actor.permissions),
        user=PersonFacts(id=user.pk, email=user.email, name=user.name) if user else None,
        key=KeyFacts(name=key.name, prefix=key.prefix, scopes=list(key.scopes)) if key else None,
    )


def register_platform_tools() -> None:
    """Register the tools; called once, when accounts is ready."""
    register_tool(
        Tool(
            name="accounts_whoami",
            title="Who am I",
            description="Return the user or API key that calls, its organization, role and permissions.",
            permission="",
            arguments=NoArguments,
            result=Whoami,
            call=whoami,
        )
    )
