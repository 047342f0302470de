"""The endpoints of accounts."""

from typing import Any

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from apps.accounts import services
from apps.accounts.api import serializers
from apps.accounts.api.filters import ApiKeyFilter
from apps.accounts.key_powers import powers_of
from apps.accounts.models import ApiKey
from apps.common.viewsets import ResourceViewSet


class ApiKeyViewSet(ResourceViewSet[ApiKey]):
    """API keys: an analyst's own, an admin's all."""

    queryset = ApiKey.objects.all()
    offers = ("list", "retrieve", "create", "partial_update", "destroy")
    permission = "accounts.create_key"
    serializer_class = serializers.ApiKeyOut
    in_serializer_class = serializers.ApiKeyIn
    patch_serializer_class = serializers.ApiKeyPatch
    secret_fields = ("key",)
    filterset_class = ApiKeyFilter
    search_fields = ("name", "prefix")
    sort_fields = {"name": "name", "created_at": "created_at", "last_used_at": "last_used_at"}

    @extend_schema(request=serializers.ApiKeyIn, responses={201: serializers.NewApiKeyOut})
    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Create a key; the answer alone holds the raw key."""
        values = self.validated(serializers.ApiKeyIn)
        services.require_proof_for_scopes(self.credentials, values["scopes"])
        return self._shown_once(*services.create_api_key(actor=self.actor, **values))

    def update_row(self, row: ApiKey, values: dict[str, Any]) -> ApiKey:
        """Narrow the key."""
        services.narrow_api_key(actor=self.actor, api_key=row, **values)
        return self.get_queryset().get(pk=row.pk)  # type: ignore[no-any-return]

    def delete_row(self, row: ApiKey) -> None:
        """Revoke the key."""
        services.revoke_api_key(actor=self.actor, api_key=row)

    @extend_schema(request=serializers.RotationIn, responses={201: serializers.NewApiKeyOut})
    @action(detail=True, methods=["post"])
    def rotate(self, request: Request, pk: str) -> Response:
        """Replace the key by one that can do the same; both are good for `overlap_s`."""
        row, values = self.get_object(), self.validated(serializers.RotationIn)
        services.require_proof_for_scopes(self.credentials, row.scopes)
        return self._shown_once(*services.rotate_api_key(actor=self.actor, api_key=row, **values))

    @extend_schema(responses=serializers.KeyPermissionsOut)
    @action(detail=True, url_path="permissions", url_name="permissions")
    def powers(self, request: Request, pk: str) -> Response:
        """Answer what the key may do at this moment, and what cuts it."""
        powers = powers_of(self.get_object(), now=timezone.now())
        return Response(serializers.KeyPermissionsOut(powers).data)

    def _shown_once(self, api_key: ApiKey, raw: str) -> Response:
        """Return the only answer that holds the raw key."""
        row = self.get_queryset().get(pk=api_key.pk)
        return Response(self.answer(row) | {"key": raw}, status=201, headers=self.location_of(row))
