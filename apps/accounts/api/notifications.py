"""The endpoints of notices: a person's own, of all their organizations."""

from typing import Any

import django_filters
from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from apps.accounts import queries, services
from apps.accounts.api.serializers import OrganizationBrief
from apps.accounts.models import Level, Notification, User
from apps.accounts.services import PreferenceChange
from apps.common.errors import Forbidden
from apps.common.filters import TIME_BOUNDS, StrictFilterSet, any_text, id_of, one_of
from apps.common.serializers import OutSerializer, StrictSerializer, TimeField
from apps.common.viewsets import ResourceViewSet

IDS_MAX = 200
PREFERENCES_MAX = 200


@extend_schema_field({"type": "boolean"})
class UnreadFilter(django_filters.TypedChoiceFilter):  # type: ignore[misc]
    """`unread=true` for what was not read, `unread=false` for the rest."""

    def __init__(self) -> None:
        choices = [("true", "true"), ("false", "false")]
        super().__init__(field_name="read_at", lookup_expr="isnull", choices=choices, coerce="true".__eq__)


class NotificationFilter(StrictFilterSet):
    """`unread`, `level`, `kind`, `organization` (repeated means any of), and bounds of the time."""

    unread = UnreadFilter()
    level = one_of(Level)
    kind = any_text()
    organization = id_of("organization")

    class Meta:
        model = Notification
        fields = {"created_at": TIME_BOUNDS}


class NoticeTarget(serializers.Serializer[Notification]):
    """What a notice tells of."""

    type = serializers.CharField(source="target_type")
    id = serializers.CharField(source="target_id")


class NotificationOut(OutSerializer):
    """One notice. `page` is the path of the page that shows more."""

    level = serializers.ChoiceField(choices=Level.choices)
    organization = OrganizationBrief(allow_null=True)
    target = serializers.SerializerMethodField()
    page = serializers.SerializerMethodField()

    class Meta:
        model = Notification
        fields = [
            *("id", "kind", "level", "title", "body"),
            *("organization", "target", "page", "read_at", "created_at"),
        ]

    @extend_schema_field(NoticeTarget(allow_null=True))
    def get_target(self, row: Notification) -> Any:
        """Return type and id, None for a notice about nothing in particular."""
        return NoticeTarget(row).data if row.target_type else None

    def get_page(self, row: Notification) -> str | None:
        """Return the path, None for a notice without a page."""
        return row.page or None


class ReadIn(StrictSerializer):
    """Which notices to mark: up to 200 ids, or all (told before an instant)."""

    ids = serializers.ListField(
        child=serializers.UUIDField(), min_length=1, max_length=IDS_MAX, required=False
    )
    all = serializers.BooleanField(required=False)
    before = TimeField(required=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Refuse everything but one of the two ways; raises ValidationError."""
        wants_all = attrs.get("all", False)
        if wants_all == ("ids" in attrs):
            raise serializers.ValidationError({"ids": ["Send either `ids` or `all: true`."]}, code="invalid")
        if "before" in attrs and not wants_all:
            raise serializers.ValidationError({"before": ["This goes with `all: true`."]}, code="invalid")
        return attrs


class ReadOut(serializers.Serializer[dict[str, int]]):
    """How many notices were marked: those that were unread before."""

    read = serializers.IntegerField()


class UnreadCountOut(serializers.Serializer[queries.CappedCount]):
    """How many notices are unread, counted to 1,000."""

    count = serializers.IntegerField(source="number")
    count_capped = serializers.BooleanField(source="is_capped")


class PreferenceOut(serializers.Serializer[queries.NoticePreference]):
    """By which ways one kind of notice arrives. Security kinds always arrive in the product and by mail."""

    kind = serializers.CharField()
    title = serializers.CharField()
    level = serializers.ChoiceField(choices=Level.choices)
    is_security = serializers.BooleanField()
    in_app = serializers.BooleanField()
    email = serializers.BooleanField()
    sms = serializers.BooleanField()


class PreferencesOut(serializers.Serializer[Any]):
    """The preferences of every kind, by name."""

    preferences = PreferenceOut(many=True)


class PreferencePatch(StrictSerializer):
    """What shall change for one kind; a way that is not named stays."""

    kind = serializers.CharField(max_length=80)
    in_app = serializers.BooleanField(required=False)
    email = serializers.BooleanField(required=False)
    sms = serializers.BooleanField(required=False)


class PreferencesPatch(StrictSerializer):
    """Changes of some kinds; a kind that is not named stays."""

    preferences = serializers.ListField(child=PreferencePatch(), min_length=1, max_length=PREFERENCES_MAX)


class NotificationViewSet(ResourceViewSet[Notification]):
    """The caller's own notices, whatever organization is active; an API key has none."""

    queryset = Notification.objects.all()
    offers = ("list", "retrieve", "destroy")
    needs_organization = False
    serializer_class = NotificationOut
    filterset_class = NotificationFilter
    search_fields = ("title", "body")

    def get_queryset(self) -> QuerySet[Notification]:
        """Return the caller's notices in the product."""
        own = Notification.objects.of_user(self._person()).in_app()
        return own.select_related("organization")

    def delete_row(self, row: Notification) -> None:
        """Take the notice away."""
        services.delete_notice(user=self._person(), notice=row)

    @extend_schema(request=None, responses=NotificationOut)
    @action(detail=True, methods=["post"])
    def read(self, request: Request, **_: str) -> Response:
        """Mark one notice as read."""
        return self._set_read(is_read=True)

    @extend_schema(request=None, responses=NotificationOut)
    @action(detail=True, methods=["post"])
    def unread(self, request: Request, **_: str) -> Response:
        """Mark one notice as unread."""
        return self._set_read(is_read=False)

    @extend_schema(request=ReadIn, responses=ReadOut)
    @action(detail=False, methods=["post"], url_path="read", url_name="read-many")
    def read_many(self, request: Request) -> Response:
        """Mark several notices, or all, as read."""
        values, user = self.validated(ReadIn), self._person()
        if "ids" in values:
            return Response({"read": services.read_notices(user=user, ids=values["ids"])})
        return Response({"read": services.read_all_notices(user=user, before=values.get("before"))})

    @extend_schema(responses=UnreadCountOut)
    @action(detail=False, url_path="unread-count")
    def unread_count(self, request: Request) -> Response:
        """Count the unread notices."""
        return Response(UnreadCountOut(queries.count_unread(self._person().pk)).data)

    @extend_schema(responses=PreferencesOut)
    @action(detail=False)
    def preferences(self, request: Request) -> Response:
        """Answer by which ways each kind of notice arrives."""
        return _preferences(queries.notice_preferences(self._person()))

    @extend_schema(request=PreferencesPatch, responses=PreferencesOut)
    @preferences.mapping.patch
    def change_preferences(self, request: Request) -> Response:
        """Change by which ways some kinds of notices arrive."""
        wanted = self.validated(PreferencesPatch)["preferences"]
        changes = [PreferenceChange(**item) for item in wanted]
        return _preferences(services.set_notice_preferences(user=self._person(), changes=changes))

    def _set_read(self, *, is_read: bool) -> Response:
        notice = services.set_read(user=self._person(), notice=self.get_object(), is_read=is_read)
        return Response(self.answer(notice))

    def _person(self) -> User:
        user: User | None = self.credentials.user
        if user is None:
            raise Forbidden("Notices are a person's own; an API key has none.")
        return user


def _preferences(found: list[queries.NoticePreference]) -> Response:
    return Response(PreferencesOut({"preferences": found}).data)
