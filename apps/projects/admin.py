"""What operators see and do of projects, never contents or secrets. An action is one service call."""

from typing import Any, Final

from django import forms
from django.conf import settings
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.template.defaultfilters import filesizeformat

from apps.accounts.models import Membership
from apps.accounts.permissions import Actor, system_actor
from apps.common.admin import ReadOnlyAdmin
from apps.common.errors import DomainError
from apps.projects import code_job_admin, proposal_admin  # noqa: F401 - importing registers their rows
from apps.projects.models import Credential, Manifest, Mirror, MirrorRun, Project
from apps.projects.services import deletions, mirrors, operations
from apps.projects.services import projects as services

BYTES_MAX: Final = 2**50
# Of the current one every blob is read, within a request.
VERIFIED_MAX: Final = 5


def operator(row: Any) -> Actor:
    """Return the installation acting in the organization of a row."""
    return system_actor(row.organization)


class ProjectForm(forms.ModelForm):  # type: ignore[type-arg]  # generic in its stubs only
    """To whom a project is given."""

    class Meta:
        model = Project
        fields = ("owner",)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        rows = Membership.objects.filter(organization=self.instance.organization_id).exclude(role="viewer")
        owner = self.fields["owner"]
        owner.queryset = owner.queryset.filter(memberships__in=rows)  # type: ignore[attr-defined]
        owner.required = True


@admin.register(Project)
class ProjectAdmin(ReadOnlyAdmin):
    """Projects, the deleted ones among them: restored here, or given to another owner."""

    form = ProjectForm
    list_display = (
        "name", "organization", "owner", "visibility", "sync_mode", "archived_at", "deleted_at", "created_at",
    )  # fmt: skip
    list_filter = ("visibility", ("deleted_at", admin.EmptyFieldListFilter))
    search_fields = ("name", "organization__slug", "owner__email")
    list_select_related = ("organization", "owner")
    ordering = ("organization__slug", "name", "pk")
    fields = ("owner",)
    actions = ("restore",)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Let staff give a living project that is not archived to somebody else."""
        is_open = obj is None or (obj.deleted_at is None and obj.archived_at is None)
        return bool(request.user.is_staff) and is_open

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """Transfer the project by its service."""
        row = Project.objects.select_related("organization").get(pk=obj.pk)
        services.transfer_project(actor=operator(row), project=row, user_id=form.cleaned_data["owner"].pk)

    @admin.action(description="Restore: bring back what was deleted within 7 days, without credentials")
    def restore(self, request: HttpRequest, rows: QuerySet[Project]) -> None:
        """Restore the chosen projects."""
        self.each(request, rows, lambda row: deletions.restore_project(actor=operator(row), project=row))


class MirrorForm(forms.ModelForm):  # type: ignore[type-arg]  # generic in its stubs only
    """How large a mirror may become."""

    class Meta:
        model = Mirror
        fields = ("quota_bytes",)

    quota_bytes = forms.IntegerField(
        min_value=1,
        max_value=BYTES_MAX,
        required=False,
        help_text="Empty: PROJECTS_MIRROR_MAX_BYTES. What was over its quota is tried again at once.",
    )


@admin.register(Mirror)
class MirrorAdmin(ReadOnlyAdmin):
    """Mirrors with the true cause of a failure; synced, cloned anew, paused, given more room."""

    form = MirrorForm
    list_display = (
        "project", "organization", "host", "state", "size", "quota", "failures", "error_code", "error_cause",
        "next_due_at", "due_reason", "last_synced_at", "paused_at", "unlinked_at",
    )  # fmt: skip
    list_filter = ("state", "due_reason", ("paused_at", admin.EmptyFieldListFilter))
    search_fields = ("project__name", "organization__slug", "host", "error_code")
    list_select_related = ("project", "organization")
    ordering = ("organization__slug", "project__name", "pk")
    fields = ("quota_bytes",)
    actions = ("sync", "reclone", "pause", "go_on")

    @admin.display(description="size", ordering="size_bytes")
    def size(self, row: Mirror) -> str:
        """Return the size in words."""
        return filesizeformat(row.size_bytes)

    @admin.display(description="quota", ordering="quota_bytes")
    def quota(self, row: Mirror) -> str:
        """Return the quota in words."""
        return filesizeformat(row.quota_bytes or settings.PROJECTS_MIRROR_MAX_BYTES)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Let staff change the quota."""
        return bool(request.user.is_staff)

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """Change the quota by its service."""
        row = Mirror.objects.select_related("organization", "project").get(pk=obj.pk)
        operations.set_quota(actor=operator(row), mirror=row, quota_bytes=form.cleaned_data["quota_bytes"])

    @admin.action(description="Sync: look at the remote now")
    def sync(self, request: HttpRequest, rows: QuerySet[Mirror]) -> None:
        """Queue a sync of the chosen mirrors."""
        self.each(request, rows, lambda row: mirrors.start_sync(actor=operator(row), project=row.project))

    @admin.action(description="Reclone: a new copy beside the one that is read")
    def reclone(self, request: HttpRequest, rows: QuerySet[Mirror]) -> None:
        """Queue new clones."""
        self.each(request, rows, lambda row: mirrors.start_reclone(actor=operator(row), project=row.project))

    @admin.action(description="Pause: no more syncs by schedule")
    def pause(self, request: HttpRequest, rows: QuerySet[Mirror]) -> None:
        """Pause the chosen mirrors."""
        self._set_paused(request, rows, is_paused=True)

    @admin.action(description="Go on: syncs by schedule again")
    def go_on(self, request: HttpRequest, rows: QuerySet[Mirror]) -> None:
        """End the pause of the chosen mirrors."""
        self._set_paused(request, rows, is_paused=False)

    def _set_paused(self, request: HttpRequest, rows: QuerySet[Mirror], *, is_paused: bool) -> None:
        self.each(
            request,
            rows,
            lambda row: operations.set_paused(actor=operator(row), mirror=row, is_paused=is_paused),
        )


@admin.register(MirrorRun)
class MirrorRunAdmin(ReadOnlyAdmin):
    """Runs of mirrors; how they are retried and cancelled stands under jobs."""

    list_display = (
        "created_at", "project", "organization", "kind", "trigger", "status", "stage", "outcome", "attempt",
        "bytes_received", "duration_ms", "error_code", "finished_at",
    )  # fmt: skip
    list_filter = ("status", "kind", "trigger", "outcome")
    search_fields = ("project__name", "organization__slug", "error_code")
    list_select_related = ("project", "organization")
    ordering = ("-created_at", "pk")


@admin.register(Credential)
class CredentialAdmin(ReadOnlyAdmin):
    """Credentials without their secrets; deleted here if one has leaked."""

    list_display = (
        "label", "project", "organization", "host", "port", "username", "last4", "expires_at", "last_used_at",
        "last_result",
    )  # fmt: skip
    search_fields = ("label", "host", "project__name", "organization__slug")
    list_select_related = ("project", "organization")
    ordering = ("organization__slug", "project__name", "label", "pk")
    exclude = ("ciphertext",)
    actions = ("destroy",)

    @admin.action(description="Destroy: the secret is gone at once")
    def destroy(self, request: HttpRequest, rows: QuerySet[Credential]) -> None:
        """Destroy the chosen secrets."""
        self.each(
            request, rows, lambda row: operations.destroy_credential(actor=operator(row), credential=row)
        )


@admin.register(Manifest)
class ManifestAdmin(ReadOnlyAdmin):
    """Manifests of all versions."""

    list_display = (
        "project", "organization", "number", "state", "commit", "ref", "generator", "digest_in_hex", "key_id",
        "size_bytes", "created_at",
    )  # fmt: skip
    list_filter = ("state", "generator")
    search_fields = ("project__name", "organization__slug", "commit")
    list_select_related = ("project", "organization")
    ordering = ("-created_at", "pk")
    exclude = ("settings_digest", "digest", "signature", "header", "storage_key")
    actions = ("verify",)

    @admin.display(description="digest")
    def digest_in_hex(self, row: Manifest) -> str:
        """Return the SHA-256 of the document."""
        return bytes(row.digest).hex()

    @admin.action(description="Verify: document, signature, and of the current one the tree itself")
    def verify(self, request: HttpRequest, rows: QuerySet[Manifest]) -> None:
        """Look for what is wrong with the chosen manifests, and say it."""
        for row in rows.select_related("project")[:VERIFIED_MAX]:
            try:
                found = operations.verify_manifest(row)
            except DomainError as error:
                self.message_user(request, f"{row.project} {row}: {error.detail}", messages.ERROR)
                continue
            for finding in found:
                self.message_user(request, f"{row.project} {row}: {finding.detail}", messages.ERROR)
            if not found:
                self.message_user(request, f"{row.project} {row}: sound.", messages.SUCCESS)
