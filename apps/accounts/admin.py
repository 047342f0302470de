"""What operators see and do with people, organizations, sessions and keys; every act is a service call."""

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest

from apps.accounts import services
from apps.accounts.models import ApiKey, Membership, Organization, Session, User
from apps.accounts.permissions import system_actor
from apps.common.admin import ReadOnlyAdmin


class MembershipInline(admin.TabularInline):  # type: ignore[type-arg]  # as above
    """Who belongs to an organization, or where a user belongs."""

    model = Membership
    fields = ("organization", "user", "role", "created_at")
    readonly_fields = fields
    extra = 0
    can_delete = False

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Refuse."""
        return False


@admin.register(User)
class UserAdmin(ReadOnlyAdmin):
    """People."""

    list_display = ("email", "name", "is_active", "is_staff", "last_login", "created_at")
    list_filter = ("is_active", "is_staff")
    search_fields = ("email", "name")
    ordering = ("email", "pk")
    exclude = ("password",)
    inlines = (MembershipInline,)
    actions = ("end_sessions", "deactivate", "activate")

    @admin.action(description="End all sessions", permissions=["action"])
    def end_sessions(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        """Sign the people out everywhere."""
        ended = sum(services.revoke_sessions(user=user, reason="operator") for user in queryset)
        self.message_user(request, f"{ended} sessions ended.", messages.SUCCESS)

    @admin.action(description="Deactivate: no sign-in, no tokens", permissions=["action"])
    def deactivate(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        """Lock the people out; the operator stays."""
        for user in queryset:
            if user != request.user:
                services.set_active(user=user, is_active=False)

    @admin.action(description="Activate", permissions=["action"])
    def activate(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        """Let the people in again."""
        for user in queryset:
            services.set_active(user=user, is_active=True)


@admin.register(Organization)
class OrganizationAdmin(ReadOnlyAdmin):
    """Organizations."""

    list_display = ("name", "slug", "suspended_at", "deleted_at", "created_at")
    search_fields = ("name", "slug")
    ordering = ("name", "pk")
    inlines = (MembershipInline,)
    actions = ("suspend", "restore")

    @admin.action(description="Suspend: nobody acts in it", permissions=["action"])
    def suspend(self, request: HttpRequest, queryset: QuerySet[Organization]) -> None:
        """Close the organizations."""
        for organization in queryset:
            services.set_suspended(organization=organization, is_suspended=True)

    @admin.action(description="Restore", permissions=["action"])
    def restore(self, request: HttpRequest, queryset: QuerySet[Organization]) -> None:
        """Open the organizations again."""
        for organization in queryset:
            services.set_suspended(organization=organization, is_suspended=False)


@admin.register(Session)
class SessionAdmin(ReadOnlyAdmin):
    """Token sessions."""

    list_display = ("user", "label", "ip", "last_used_at", "expires_at", "revoked_at", "revoked_reason")
    list_select_related = ("user",)
    search_fields = ("user__email", "label")
    ordering = ("-created_at", "pk")
    exclude = ("current_jti", "previous_jti", "django_key")
    actions = ("end",)

    @admin.action(description="End", permissions=["action"])
    def end(self, request: HttpRequest, queryset: QuerySet[Session]) -> None:
        """Refuse the sessions' tokens from now on."""
        for session in queryset:
            services.revoke_session(session=session, reason="operator")


@admin.register(ApiKey)
class ApiKeyAdmin(ReadOnlyAdmin):
    """API keys, without their hashes."""

    list_display = ("name", "prefix", "organization", "role", "last_used_at", "expires_at", "revoked_at")
    list_select_related = ("organization",)
    list_filter = ("role",)
    search_fields = ("name", "prefix", "organization__name")
    ordering = ("-created_at", "pk")
    exclude = ("hash", "pepper_id")
    actions = ("revoke",)

    @admin.action(description="Revoke", permissions=["action"])
    def revoke(self, request: HttpRequest, queryset: QuerySet[ApiKey]) -> None:
        """Refuse the keys from now on."""
        for api_key in queryset.select_related("organization"):
            services.revoke_api_key(actor=system_actor(api_key.organization), api_key=api_key)
