"""The endpoints of a project's credentials."""

from typing import Any

from rest_framework.reverse import reverse

from apps.projects.api import credentials_serializers as shapes
from apps.projects.api.base import ProjectPartViewSet
from apps.projects.models import Credential
from apps.projects.rights import Right
from apps.projects.services import credentials as services

OWN = (Right.OWN, "projects.link")


class CredentialViewSet(ProjectPartViewSet[Credential]):
    """The credentials of one project, for those in charge of it."""

    queryset = Credential.objects.all()
    offers = ("list", "retrieve", "create", "partial_update", "destroy")
    rights = dict.fromkeys(offers, OWN)
    serializer_class = shapes.CredentialOut
    in_serializer_class = shapes.CredentialIn
    patch_serializer_class = shapes.CredentialPatch
    search_fields = ("label", "host")
    sort_fields = {"label": "label", "created_at": "created_at"}
    default_sort = "label"
    # Not even a digest of a body with a secret is kept.
    remembers_answers = False

    def create_row(self, values: dict[str, Any]) -> Credential:
        """Store a secret; the kind is the only one there is."""
        values.pop("kind")
        return services.add_credential(actor=self.actor, project=self.project, **values)

    def update_row(self, row: Credential, values: dict[str, Any]) -> Credential:
        """Change the credential, or replace its secret."""
        row.project = self.project
        return services.change_credential(actor=self.actor, credential=row, **values)

    def delete_row(self, row: Credential) -> None:
        """Destroy the secret."""
        row.project = self.project
        services.delete_credential(actor=self.actor, credential=row)

    def location_of(self, row: Any) -> dict[str, str]:
        """Return where the credential is found."""
        place = [self.project.pk, row.pk]
        return {"Location": reverse("project-credential-detail", args=place, request=self.request)}
