"""What operators see and do with people, organizations, sessions and keys; every act is a service call."""

from collections.abc import Iterable
from typing import Any, Final

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest

from apps.accounts import (
    job_admin,  # noqa: F401 - importing registers the board of jobs
    queries,
    services,
)
from apps.accounts.models import (
    ApiKey,
    AuditEntry,
    Mail,
    Membership,
    Notification,
    Organization,
    Session,
    User,
)
from apps.accounts.permissions import system_actor
from apps.accounts.verification import verify_chain
from apps.common.admin import ReadOnlyAdmin
from apps.common.audit import audit_verbs, describe_verb

ROTATION_OVERLAP_S: Final = 86_400


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


def operator_of(request: HttpRequest) -> User:
    """Return the member of the staff who acts; the admin lets nobody else in."""
    assert isinstance(request.user, User)  # noqa: S101
    return request.user


@admin.register(User)
class UserAdmin(ReadOnlyAdmin):
    """People."""

    list_display = ("email", "name", "is_active", "is_staff", "last_login", "created_at")
    list_filter = ("is_active", "is_staff")
    search_fields = ("email", "name")
    ordering = ("email", "pk")
    exclude = ("password",)
    inlines = (MembershipInline,)
    actions = ("end_sessions", "lock", "unlock")

    @admin.action(description="End all sessions", permissions=["action"])
    def end_sessions(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        """Sign the people out everywhere."""
        ended = sum(services.end_sessions(user=user, operator=operator_of(request)) for user in queryset)
        self.message_user(request, f"{ended} sessions ended.", messages.SUCCESS)

    @admin.action(description="Lock: no sign-in, no tokens", permissions=["action"])
    def lock(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        """Lock the people out; the operator stays."""
        for user in queryset:
            if user != request.user:
                services.lock_user(user=user, operator=operator_of(request))

    @admin.action(description="Unlock: sign-in again, failed ones forgotten", permissions=["action"])
    def unlock(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        """Let the people in again."""
        for user in queryset:
            services.unlock_user(user=user, operator=operator_of(request))


@admin.register(Organization)
class OrganizationAdmin(ReadOnlyAdmin):
    """Organizations."""

    list_display = ("name", "slug", "suspended_at", "deleted_at", "created_at")
    search_fields = ("name", "slug")
    ordering = ("name", "pk")
    inlines = (MembershipInline,)
    actions = ("suspend", "restore", "bring_back", "verify_audit")

    def organization_of(self, row: Organization) -> Organization:
        """Return the row itself."""
        return row

    @admin.action(description="Verify the audit", permissions=["action"])
    def verify_audit(self, request: HttpRequest, queryset: QuerySet[Organization]) -> None:
        """Walk the organizations' chains."""
        tell_chains(self, request, queryset)

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

    @admin.action(description="Undo the deletion, for 30 days", permissions=["action"])
    def bring_back(self, request: HttpRequest, queryset: QuerySet[Organization]) -> None:
        """Bring back what was deleted by mistake."""
        self.each(request, queryset, lambda organization: services.bring_back(organization=organization))


@admin.register(Session)
class SessionAdmin(ReadOnlyAdmin):
    """Sessions, of pages and of the API."""

    list_display = (
        "user",
        "kind",
        "label",
        "ip",
        "last_used_at",
        "expires_at",
        "revoked_at",
        "revoked_reason",
    )
    list_select_related = ("user",)
    search_fields = ("user__email", "label")
    ordering = ("-created_at", "pk")
    exclude = ("current_jti", "previous_jti", "django_key")
    actions = ("end",)

    @admin.action(description="End", permissions=["action"])
    def end(self, request: HttpRequest, queryset: QuerySet[Session]) -> None:
        """Refuse the sessions' tokens from now on."""
        for session in queryset:
            services.end_session(session=session, operator=operator_of(request))


@admin.register(ApiKey)
class ApiKeyAdmin(ReadOnlyAdmin):
    """API keys, without their hashes."""

    list_display = ("name", "prefix", "organization", "role", "last_used_at", "expires_at", "revoked_at")
    list_select_related = ("organization",)
    list_filter = ("role",)
    search_fields = ("name", "prefix", "organization__name")
    ordering = ("-created_at", "pk")
    exclude = ("hash", "pepper_id")
    actions = ("revoke", "rotate")

    @admin.action(description="Revoke", permissions=["action"])
    def revoke(self, request: HttpRequest, queryset: QuerySet[ApiKey]) -> None:
        """Refuse the keys from now on."""
        for api_key in queryset.select_related("organization"):
            services.revoke_api_key(actor=system_actor(api_key.organization), api_key=api_key)

    @admin.action(description="Rotate: the old key is good for another day", permissions=["action"])
    def rotate(self, request: HttpRequest, queryset: QuerySet[ApiKey]) -> None:
        """Replace the keys, and show each new one this once."""

        def act(api_key: ApiKey) -> None:
            actor = system_actor(api_key.organization)
            _, raw = services.rotate_api_key(actor=actor, api_key=api_key, overlap_s=ROTATION_OVERLAP_S)
            self.message_user(request, f"{api_key.name}, shown this once: {raw}", messages.WARNING)

        self.each(request, queryset.select_related("organization"), act)


@admin.register(Mail)
class MailAdmin(ReadOnlyAdmin):
    """Mails on their way and those of the last weeks, without what they hold."""

    list_display = ("created_at", "template", "to", "status", "queue", "attempt", "run_after", "error_code")
    list_filter = ("status", "queue", "template")
    search_fields = ("to",)
    ordering = ("-created_at", "-pk")
    # Sealed, and of no use to operators: it may hold links that sign somebody in.
    exclude = ("context", "lease_token")


@admin.register(Notification)
class NotificationAdmin(ReadOnlyAdmin):
    """That somebody was told something, and when; what it said is theirs."""

    list_display = ("created_at", "kind", "level", "user", "organization", "read_at", "emailed_at")
    list_select_related = ("user", "organization")
    list_filter = ("level", "kind")
    search_fields = ("user__email", "organization__slug")
    ordering = ("-created_at", "-pk")
    exclude = ("title", "body")


class VerbFilter(admin.SimpleListFilter):
    """Narrows the audit to one kind of act."""

    title = "act"
    parameter_name = "verb"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """Return the registered verbs."""
        return sorted(audit_verbs().items())

    def queryset(self, request: HttpRequest, queryset: QuerySet[AuditEntry]) -> QuerySet[AuditEntry]:
        """Narrow the entries."""
        return queryset.filter(verb=self.value()) if self.value() else queryset


@admin.register(AuditEntry)
class AuditEntryAdmin(ReadOnlyAdmin):
    """Who did what, in every organization and in the installation."""

    list_display = ("created_at", "act", "actor", "target", "organization", "ip", "sequence")
    list_select_related = ("organization",)
    list_filter = ("actor_type", VerbFilter)
    search_fields = ("verb", "actor_label", "target_label", "=target_id", "=request_id", "organization__slug")
    ordering = ("-created_at", "-pk")
    exclude = ("hash",)
    readonly_fields = ("seal",)
    actions = ("verify",)

    @admin.display(description="act", ordering="verb")
    def act(self, row: AuditEntry) -> str:
        """Return what was done, as a sentence."""
        return describe_verb(row.verb)

    @admin.display(description="by")
    def actor(self, row: AuditEntry) -> str:
        """Return who did it."""
        return row.actor_label or row.actor_type

    @admin.display(description="to")
    def target(self, row: AuditEntry) -> str:
        """Return what it was done to."""
        return row.target_label or row.target_type

    @admin.display(description="hash")
    def seal(self, row: AuditEntry) -> str:
        """Return the hash in hexadecimal digits; empty until the entry is sealed."""
        return bytes(row.hash or b"").hex()

    @admin.action(description="Verify the chains of these entries", permissions=["action"])
    def verify(self, request: HttpRequest, queryset: QuerySet[AuditEntry]) -> None:
        """Walk each chain that one of the entries belongs to."""
        chains = set(queryset.order_by().values_list("organization_id", flat=True))
        tell_chains(self, request, [queries.organization_of_chain(chain) for chain in chains])


def tell_chains(table: ReadOnlyAdmin, request: HttpRequest, organizations: Iterable[Organization]) -> None:
    """Verify the chains of organizations and say what was found."""
    for organization in organizations:
        report = verify_chain(organization)
        if report.valid:
            good = f"Of {report.organization} {report.entries} entries are as they were sealed."
            table.message_user(request, good, messages.SUCCESS)
        else:
            wrong = f"The chain of {report.organization} is broken at entry {report.broken_at}."
            table.message_user(request, wrong, messages.ERROR)
