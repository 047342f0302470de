"""What goes in and out of the API of accounts."""

from typing import Any

from rest_framework import serializers

from apps.accounts.key_powers import KeyCut, KeyPowers
from apps.accounts.models import (
    ActorType,
    ApiKey,
    AuditEntry,
    Invitation,
    Membership,
    Organization,
    Role,
    User,
)
from apps.common.serializers import OutSerializer, StrictSerializer, TimeField


class OrganizationOut(OutSerializer):
    """An organization, with the caller's role in it."""

    role = serializers.ChoiceField(choices=Role.choices, help_text="The caller's role.")
    allowed_email_domains = serializers.ListField(child=serializers.CharField())

    class Meta:
        model = Organization
        fields = [
            "id",
            "name",
            "slug",
            "role",
            "require_mfa",
            "allowed_email_domains",
            "suspended_at",
            "created_at",
            "updated_at",
        ]


class OrganizationBrief(OutSerializer):
    """An organization inside another answer."""

    class Meta:
        model = Organization
        fields = ["id", "name", "slug"]


class OrganizationIn(StrictSerializer):
    """A new organization; without a slug one is made from the name."""

    name = serializers.CharField(max_length=120)
    slug = serializers.RegexField(r"^[a-z0-9-]{2,60}$", required=False, default="")


class OrganizationPatch(StrictSerializer):
    """A change of an organization."""

    name = serializers.CharField(max_length=120, required=False)
    slug = serializers.RegexField(r"^[a-z0-9-]{2,60}$", required=False)
    require_mfa = serializers.BooleanField(required=False)
    allowed_email_domains = serializers.ListField(
        child=serializers.CharField(max_length=253),
        max_length=50,
        required=False,
        help_text="Who joins must have an address of one of these domains; none means any.",
    )


class UserBrief(OutSerializer):
    """A user inside another answer."""

    class Meta:
        model = User
        fields = ["id", "email", "name"]


class MembershipOut(OutSerializer):
    """One of the caller's memberships."""

    organization = OrganizationBrief()
    role = serializers.ChoiceField(choices=Role.choices)

    class Meta:
        model = Membership
        fields = ["organization", "role"]


class MemberOut(OutSerializer):
    """A member of an organization."""

    user = UserBrief()
    role = serializers.ChoiceField(choices=Role.choices)

    class Meta:
        model = Membership
        fields = ["user", "role", "created_at", "updated_at"]


class MemberPatch(StrictSerializer):
    """A change of a member."""

    role = serializers.ChoiceField(choices=Role.choices)


class MemberRemoval(serializers.Serializer[Any]):
    """How a member is removed."""

    revoke_keys = serializers.BooleanField(
        default=False, help_text="Revoke the API keys they made here, too; else those live on, flagged."
    )


class InvitationOut(OutSerializer):
    """An unanswered invitation, without its token."""

    role = serializers.ChoiceField(choices=Role.choices)
    is_pending = serializers.BooleanField(help_text="False once it is past its time.")
    invited_by = UserBrief(allow_null=True)

    class Meta:
        model = Invitation
        fields = ["id", "email", "role", "is_pending", "invited_by", "expires_at", "created_at", "updated_at"]


class InvitationIn(StrictSerializer):
    """A new invitation."""

    email = serializers.EmailField(max_length=254)
    role = serializers.ChoiceField(choices=Role.choices)


class AcceptanceIn(StrictSerializer):
    """The token of the mail."""

    token = serializers.CharField(max_length=200)


class MeOut(OutSerializer):
    """The caller."""

    default_organization_id = serializers.UUIDField(allow_null=True)
    memberships = MembershipOut(many=True, source="living_memberships")

    class Meta:
        model = User
        fields = [
            "id",
            "email",
            "email_verified_at",
            "name",
            "locale",
            "time_zone",
            "default_organization_id",
            "memberships",
        ]


class MePatch(StrictSerializer):
    """A change of the caller's profile."""

    name = serializers.CharField(max_length=120, required=False)
    locale = serializers.RegexField(
        r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*$", max_length=20, required=False, help_text="A BCP 47 tag."
    )
    time_zone = serializers.CharField(max_length=64, required=False, help_text="An IANA name.")
    default_organization_id = serializers.UUIDField(allow_null=True, required=False)


class PermissionOut(serializers.Serializer[Any]):
    """One permission that the caller holds."""

    name = serializers.CharField()
    role = serializers.ChoiceField(choices=Role.choices, help_text="The lowest role that holds it.")
    own_rows_only = serializers.BooleanField(help_text="Held on rows only that the caller created.")


class PermissionsOut(serializers.Serializer[Any]):
    """What the caller may do in the active organization."""

    organization = OrganizationBrief()
    role = serializers.ChoiceField(choices=Role.choices, help_text="The caller's role.")
    permissions = PermissionOut(many=True)


class ApiKeyIn(StrictSerializer):
    """A new API key."""

    name = serializers.CharField(max_length=120)
    role = serializers.ChoiceField(choices=Role.choices)
    scopes = serializers.ListField(child=serializers.CharField(max_length=40), min_length=1, max_length=40)
    rate_per_minute = serializers.IntegerField(
        min_value=1, max_value=1_000_000, allow_null=True, default=None
    )
    points_per_minute = serializers.IntegerField(
        min_value=1, max_value=2_000_000_000, allow_null=True, default=None
    )
    allowed_cidrs = serializers.ListField(
        child=serializers.CharField(max_length=43), max_length=20, required=False, default=list
    )
    expires_at = TimeField(allow_null=True, default=None)


class ApiKeyOut(OutSerializer):
    """An API key without its secret."""

    role = serializers.ChoiceField(choices=Role.choices)
    scopes = serializers.ListField(child=serializers.CharField())
    allowed_cidrs = serializers.ListField(child=serializers.CharField())
    created_by = UserBrief(allow_null=True)
    creator_left = serializers.BooleanField(
        source="has_lost_creator",
        help_text="Whether whoever made the key left the organization since, or was locked out.",
    )
    replaces = serializers.UUIDField(
        source="replaces_id", allow_null=True, help_text="The key that this one was rotated from."
    )

    class Meta:
        model = ApiKey
        fields = [
            "id",
            "name",
            "role",
            "prefix",
            "scopes",
            "rate_per_minute",
            "points_per_minute",
            "allowed_cidrs",
            "created_by",
            "creator_left",
            "replaces",
            "expires_at",
            "last_used_at",
            "last_used_ip",
            "created_at",
            "updated_at",
        ]


class ApiKeyPatch(StrictSerializer):
    """What may change of a key: its name, and everything else to something narrower."""

    name = serializers.CharField(max_length=120, required=False)
    role = serializers.ChoiceField(choices=Role.choices, required=False)
    scopes = serializers.ListField(
        child=serializers.CharField(max_length=40), min_length=1, max_length=40, required=False
    )
    rate_per_minute = serializers.IntegerField(
        min_value=1, max_value=1_000_000, allow_null=True, required=False
    )
    points_per_minute = serializers.IntegerField(
        min_value=1, max_value=2_000_000_000, allow_null=True, required=False
    )
    allowed_cidrs = serializers.ListField(
        child=serializers.CharField(max_length=43), max_length=20, required=False
    )
    expires_at = TimeField(allow_null=True, required=False)


class RotationIn(StrictSerializer):
    """How long the old key stays good beside the new one."""

    overlap_s = serializers.IntegerField(min_value=0, max_value=604_800, default=86_400)


class CutOut(serializers.Serializer[KeyCut]):
    """One thing that makes a key able to do less than its scopes say."""

    by = serializers.CharField()
    detail = serializers.CharField()
    permissions = serializers.ListField(child=serializers.CharField(), help_text="What it takes away.")


class KeyPermissionsOut(serializers.Serializer[KeyPowers]):
    """What a key may do at this moment, and what cuts it."""

    role = serializers.ChoiceField(choices=Role.choices, help_text="The role that counts now.")
    scopes = serializers.ListField(child=serializers.CharField())
    permissions = serializers.ListField(child=serializers.CharField())
    cut_by = CutOut(many=True)


class NewApiKeyOut(ApiKeyOut):
    """A fresh API key with the raw key, which is shown this once."""

    key = serializers.CharField(allow_null=True, help_text="Shown once; null in a replayed answer.")

    class Meta(ApiKeyOut.Meta):
        fields = [*ApiKeyOut.Meta.fields, "key"]


class AuditActorOut(serializers.Serializer[AuditEntry]):
    """Who acted; the label is empty once its person was erased."""

    type = serializers.ChoiceField(choices=ActorType.choices, source="actor_type")
    id = serializers.UUIDField(source="actor_id", allow_null=True)
    # `Field` has an attribute of that name, which its metaclass replaces.
    label = serializers.CharField(source="actor_label")  # type: ignore[assignment]


class AuditTargetOut(serializers.Serializer[AuditEntry]):
    """What was acted on; all empty if the act has no single target."""

    type = serializers.CharField(source="target_type")
    id = serializers.CharField(source="target_id")
    label = serializers.CharField(source="target_label")  # type: ignore[assignment]  # as above


class AuditOut(OutSerializer):
    """One act. `sequence` and `hash` are null for the seconds until it is sealed."""

    actor = AuditActorOut(source="*")
    target = AuditTargetOut(source="*")
    changes = serializers.DictField()
    hash = serializers.SerializerMethodField()

    class Meta:
        model = AuditEntry
        fields = [
            "id",
            "sequence",
            "created_at",
            "actor",
            "verb",
            "target",
            "changes",
            "ip",
            "user_agent",
            "request_id",
            "hash",
        ]

    def get_hash(self, row: AuditEntry) -> str | None:
        """Return the hash in hexadecimal digits."""
        return bytes(row.hash).hex() if row.hash is not None else None
