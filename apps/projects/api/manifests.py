"""The endpoints of manifests: a version, its bytes, its entries, what changed, the keys that verify."""

import base64
from typing import Any, Final

from django.http import HttpResponse
from django.http.response import HttpResponseBase
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from apps.common.etags import is_fresh
from apps.common.pagination import Cursor, CursorInvalid, cursor_link, cursor_scope, decode_cursor
from apps.common.viewsets import ResourceViewSet
from apps.projects.api import manifests_serializers as shapes
from apps.projects.api.base import PROJECT, ProjectPartViewSet
from apps.projects.api.mirror_serializers import StartedRunOut
from apps.projects.api.mirrors import started
from apps.projects.manifests.document import EntryLine
from apps.projects.manifests.signing import ALGORITHM, Signature, manifest_keys
from apps.projects.manifests.storing import read_document
from apps.projects.models import Manifest
from apps.projects.queries.manifests import EntryFilter, diff_manifests, entries_page, find_manifest
from apps.projects.reading.paths import path_key, path_of_key
from apps.projects.rights import Right
from apps.projects.services.manifests import rebuild_manifest
from apps.projects.states import ManifestState

NDJSON: Final = "application/x-ndjson"
SIGNATURE_HEADER: Final = "Sextant-Signature"
SIGNATURE: Final = OpenApiParameter(
    SIGNATURE_HEADER,
    str,
    OpenApiParameter.HEADER,
    response=[200],
    description="`<key_id>:<base64>`: Ed25519 over `sextant-manifest/1`, a line end and the hex digest.",
)


@extend_schema(parameters=[PROJECT])
class ManifestViewSet(ProjectPartViewSet[Manifest]):
    """The signed manifests of a project."""

    queryset = Manifest.objects.exclude(state=ManifestState.BUILDING).select_related("project__mirror")
    offers = ("list",)
    serializer_class = shapes.ManifestOut
    sort_fields = {"version": "number"}
    default_sort = "-version"
    rights = {"rebuild": (Right.EDIT, "projects.sync")}
    query_serializer_classes = {
        "show": shapes.VersionParameters,
        "document": shapes.VersionParameters,
        "entries": shapes.ManifestEntryParameters,
        "diff": shapes.ManifestDiffParameters,
    }

    @extend_schema(operation_id="project_manifest", parameters=[shapes.VersionParameters])
    def show(self, request: Request, **_: str) -> Response:
        """Return a version, by default the current one; its ETag is the digest."""
        manifest = self._asked_for()
        return Response(self.answer(manifest), headers={"ETag": _etag_of(manifest)})

    @extend_schema(
        operation_id="project_manifest_document",
        parameters=[shapes.VersionParameters, SIGNATURE],
        responses={(200, NDJSON): OpenApiTypes.BINARY},
    )
    def document(self, request: Request, **_: str) -> HttpResponseBase:
        """Return the exact bytes of a version's document."""
        manifest = self._asked_for()
        etag = _etag_of(manifest)
        content = b"" if is_fresh(request, etag) else read_document(manifest)
        response = HttpResponse(content, content_type=NDJSON, headers={"ETag": etag})
        response[SIGNATURE_HEADER] = Signature(manifest.key_id, bytes(manifest.signature)).header
        response["Content-Disposition"] = f'attachment; filename="manifest-{manifest.number}.ndjson"'
        response["X-Content-Type-Options"] = "nosniff"
        return response

    @extend_schema(
        operation_id="project_manifest_entries",
        parameters=[shapes.ManifestEntryParameters],
        responses=shapes.ManifestEntryPageOut,
    )
    def entries(self, request: Request, **_: str) -> Response:
        """List entries of a version by the bytes of their paths."""
        asked = self.validated_query()
        after = None
        if "cursor" in asked:
            asked["version"], after = _position(request, asked["cursor"])
            asked.pop("commit", None)
        manifest = find_manifest(self.project, version=asked.get("version"), commit=asked.get("commit", ""))
        wanted = EntryFilter(
            prefix=asked.get("prefix", "").encode("utf-8", "surrogatepass"),
            kinds=frozenset(asked.get("kind", ())),
            languages=frozenset(asked.get("language", ())),
        )
        size = asked["page_size"]
        rows = entries_page(manifest, wanted, after=after, limit=size + 1)
        return Response(_page(request, manifest, rows, size))

    @extend_schema(
        operation_id="project_manifest_diff",
        parameters=[shapes.ManifestDiffParameters],
        responses=shapes.ManifestDiffOut,
    )
    def diff(self, request: Request, **_: str) -> Response:
        """Compare two versions: what was added, removed, changed, or lies elsewhere with the same content."""
        asked = self.validated_query()
        older = find_manifest(self.project, version=asked["from"])
        newer = find_manifest(self.project, version=asked.get("to"))
        return Response(shapes.ManifestDiffOut(diff_manifests(older, newer)).data)

    @extend_schema(operation_id="project_manifest_rebuild", request=None, responses={202: StartedRunOut})
    def rebuild(self, request: Request, **_: str) -> Response:
        """Build the manifest of the published head anew; equal bytes give the same version."""
        return started(*rebuild_manifest(actor=self.actor, project=self.project))

    def _asked_for(self) -> Manifest:
        asked = self.validated_query()
        manifest = find_manifest(self.project, version=asked.get("version"), commit=asked.get("commit", ""))
        manifest.project = self.project
        return manifest


class ManifestKeyViewSet(ResourceViewSet[Manifest]):
    """The keys that verify manifests."""

    is_public = True
    queryset = Manifest.objects.none()
    serializer_class = shapes.ManifestKeysOut

    @extend_schema(operation_id="manifest_keys", responses=shapes.ManifestKeysOut, auth=[])
    def show(self, request: Request) -> Response:
        """Return the public keys, the active one first; those that were replaced stay to verify."""
        keys = [
            {
                "key_id": key.key_id,
                "algorithm": ALGORITHM,
                "public_key": base64.b64encode(key.public_key).decode(),
                "active": key.is_active,
            }
            for key in manifest_keys()
        ]
        return Response(shapes.ManifestKeysOut({"results": keys}).data)


def _etag_of(manifest: Manifest) -> str:
    return f'"{bytes(manifest.digest).hex()}"'


def _position(request: Request, text: str) -> tuple[int, bytes]:
    version, key = decode_cursor(text, cursor_scope(request), 2).values
    if not isinstance(version, int) or not isinstance(key, str):
        raise CursorInvalid
    return version, path_of_key(key)


def _page(request: Request, manifest: Manifest, rows: list[EntryLine], size: int) -> dict[str, Any]:
    link = None
    if len(rows) > size:
        following = Cursor((manifest.number, path_key(rows[size - 1].raw_path)))
        link = cursor_link(request, following, cursor_scope(request))
    return {
        "version": manifest.number,
        "commit": manifest.commit or None,
        "results": shapes.ManifestEntryOut(rows[:size], many=True).data,
        "next": link,
        "previous": None,
    }
