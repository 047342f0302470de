"""The base of every API view: who may, what they may see, strict input, tags, idempotency.

A viewset is attributes plus hooks:

    class DatasetViewSet(ResourceViewSet[Dataset]):
        queryset = Dataset.objects.all()
        offers = ("list", "retrieve", "create", "partial_update", "destroy")
        permissions = {"create": "datasets.create", "partial_update": "datasets.change", ...}
        permission = "datasets.view"                  # of the actions not named above
        limits = {"create": "ingest"}                 # which rate limit an action counts to
        limit = "api"                                 # of the actions not named above
        serializer_class = DatasetOut
        in_serializer_class = DatasetIn
        patch_serializer_class = DatasetPatch
        filterset_class = DatasetFilter
        search_fields = ("name",)
        sort_fields = {"name": "name", "created_at": "created_at"}

        def create_row(self, values):
            return services.create_dataset(actor=self.actor, **values)

        def delete_row(self, row):
            services.delete_dataset(actor=self.actor, dataset=row)
"""

import functools
import re
import uuid
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, TypeVar

from django.db import models, transaction
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.urls import NoReverseMatch
from django.utils.cache import patch_vary_headers
from rest_framework import serializers
from rest_framework.exceptions import MethodNotAllowed
from rest_framework.parsers import BaseParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.routers import SimpleRouter
from rest_framework.viewsets import GenericViewSet

from apps.common import etags, idempotency, throttles
from apps.common.errors import FieldError, Forbidden, Invalid, NotFound, Unauthenticated
from apps.common.filters import FilterBackend
from apps.common.idempotency import Answer, RequestKey
from apps.common.pagination import LIST_PARAMETERS, CursorPagination
from apps.common.prepared import Prepared, prepare_visible
from apps.common.problems import VARY, UnsupportedMediaType, request_id_of
from apps.common.requests import ApiRequest, StrictJSONParser, check_query, measure_chunked
from apps.common.serializers import parse_projection, project
from apps.common.throttles.gcra import Decision

ModelT = TypeVar("ModelT", bound=models.Model)

UUID_PATTERN = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
UNSAFE_METHODS = frozenset({"POST", "PUT", "PATCH", "DELETE"})
STANDARD_ACTIONS = frozenset({"list", "retrieve", "create", "update", "partial_update", "destroy"})


class ApiRouter(SimpleRouter):
    """Routes without trailing slash, and of the standard actions only those a viewset `offers`."""

    def __init__(self) -> None:
        super().__init__(trailing_slash=False)

    def get_method_map(self, viewset: Any, method_map: Mapping[str, str]) -> dict[str, str]:
        """Return the methods of a route."""
        found: dict[str, str] = super().get_method_map(viewset, method_map)
        return {
            method: action
            for method, action in found.items()
            if action not in STANDARD_ACTIONS or action in viewset.offers
        }


class ResourceViewSet(GenericViewSet[ModelT]):
    """One resource. Reads start from `.visible_to(actor)`: rows of others are 404."""

    offers: ClassVar[Sequence[str]] = ()
    is_public: ClassVar[bool] = False
    needs_organization: ClassVar[bool] = True
    # The part of the address that names the organization, which then goes before the active one.
    organization_kwarg: ClassVar[str] = ""
    permission: ClassVar[str] = ""
    permissions: ClassVar[Mapping[str, str]] = {}
    limit: ClassVar[str] = "api"
    limits: ClassVar[Mapping[str, str]] = {}
    in_serializer_class: ClassVar[type[serializers.BaseSerializer[Any]] | None] = None
    patch_serializer_class: ClassVar[type[serializers.BaseSerializer[Any]] | None] = None
    query_serializer_classes: ClassVar[Mapping[str, type[serializers.Serializer[Any]]]] = {}
    # Parameters of these that mean something when they are empty.
    blank_parameters: ClassVar[frozenset[str]] = frozenset()
    filterset_class: Any = None
    search_fields: ClassVar[Sequence[str]] = ()
    sort_fields: ClassVar[Mapping[str, str]] = {"created_at": "created_at"}
    default_sort: ClassVar[str] = "-created_at"
    secret_fields: ClassVar[Sequence[str]] = ()
    # False where not even a digest of the body may be kept: Idempotency-Key is not looked at.
    remembers_answers: ClassVar[bool] = True
    # Actions that only read although they come by POST: maintenance lets them pass.
    reading_actions: ClassVar[frozenset[str]] = frozenset()
    create_status: ClassVar[int] = 201

    parser_classes: Sequence[type[BaseParser]] = (StrictJSONParser,)
    permission_classes = ()  # the walls stand in `initial`
    pagination_class = CursorPagination
    filter_backends = (FilterBackend,)
    metadata_class = None  # OPTIONS has nothing to add to the OpenAPI document
    http_method_names = ["get", "post", "put", "patch", "delete", "head"]
    request: ApiRequest

    # --- hooks

    def create_row(self, values: dict[str, Any]) -> ModelT:
        """Create the row by a service; a resource that has none takes no POST."""
        raise MethodNotAllowed("POST")

    def update_row(self, row: ModelT, values: dict[str, Any]) -> ModelT:
        """Change the row by a service; a resource that has none takes no PATCH."""
        raise MethodNotAllowed("PATCH")

    def delete_row(self, row: ModelT) -> None:
        """Delete the row by a service; a resource that has none takes no DELETE."""
        raise MethodNotAllowed("DELETE")

    # --- what hooks and extra actions use

    @property
    def credentials(self) -> Any:
        """Return the `accounts.authentication.Credentials` of the request."""
        return self.request.auth

    @property
    def actor(self) -> Any:
        """Return the `accounts.permissions.Actor` of the request."""
        return self.request.actor

    def validated(self, serializer_class: type[serializers.BaseSerializer[Any]]) -> Any:
        """Return the checked body; raises ValidationError."""
        serializer = serializer_class(data=self.request.data, context=self.get_serializer_context())
        serializer.is_valid(raise_exception=True)
        return serializer.validated_data

    def validated_query(self) -> dict[str, Any]:
        """Return the checked query of the current action; raises Invalid with parameter names."""
        sent = self.request.query_params
        empty = [
            FieldError("This is empty.", code="blank", parameter=name)
            for name in sent
            if not sent[name] and name not in self.blank_parameters
        ]
        if empty:
            # Else `bbox=` would count as absent, and answer for the whole world.
            raise Invalid(errors=empty)
        serializer = self.query_serializer_classes[self.action](data=sent)
        if not serializer.is_valid():
            raise Invalid(errors=list(_parameter_errors(serializer.errors)))
        return dict(serializer.validated_data)

    def answer(self, row: Any, *, many: bool = False) -> Any:
        """Return what goes out for a row (or rows): the serializer's output, reduced to `fields`."""
        serializer = self.get_serializer(row, many=many)
        paths = self.request.query_params.get("fields")
        return project(serializer.data, parse_projection(paths, serializer)) if paths else serializer.data

    def location_of(self, row: models.Model) -> dict[str, str]:
        """Return the Location header of a row of this resource, none if it has no page of its own."""
        try:
            return {"Location": self.reverse_action("detail", args=[str(row.pk)])}
        except NoReverseMatch:
            return {}

    # --- standard actions

    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Answer one page."""
        page = self.paginate_queryset(self.filter_queryset(self.get_queryset()))
        return self.get_paginated_response(self.answer(page, many=True))

    def retrieve(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Answer one row."""
        return Response(self.answer(self.get_object()))

    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Create a row."""
        assert self.in_serializer_class  # noqa: S101 - a viewset that offers create declares it
        row = self.create_row(self.validated(self.in_serializer_class))
        return Response(self.answer(row), status=self.create_status, headers=self.location_of(row))

    @transaction.atomic
    def partial_update(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Change a row, unless If-Match names another state of it."""
        row = self._guarded_object()
        assert self.patch_serializer_class  # noqa: S101 - a viewset that offers it declares it
        return Response(self.answer(self.update_row(row, self.validated(self.patch_serializer_class))))

    @transaction.atomic
    def destroy(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Delete a row, unless If-Match names another state of it."""
        self.delete_row(self._guarded_object())
        return Response(status=204)

    # --- the walls

    def get_queryset(self) -> Any:
        """Return the rows that the actor may see."""
        queryset = super().get_queryset()
        if getattr(self, "swagger_fake_view", False):
            return queryset
        return queryset.visible_to(self.actor)  # type: ignore[attr-defined]

    def get_object(self) -> ModelT:
        """Return the row of the address; 404 for a malformed id, an unknown row and somebody else's.

        Raises Forbidden if the actor sees the row but lacks the action's permission on it.
        """
        text = self.kwargs[self.lookup_url_kwarg or self.lookup_field]
        if not UUID_PATTERN.fullmatch(text):
            raise NotFound
        row = self._find(uuid.UUID(text))
        if row is None:
            raise NotFound
        self._check_permission(row)
        return row

    def _find(self, value: uuid.UUID) -> ModelT | None:
        prepared = prepared_of(type(self))
        if prepared is not None:
            return prepared.first(organization=self.actor.organization.pk, value=value)
        return self.get_queryset().filter(**{self.lookup_field: value}).first()  # type: ignore[no-any-return]

    def initialize_request(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Request:
        """Wrap the request; the body is not touched yet."""
        measure_chunked(request)
        wrapped = super().initialize_request(request, *args, **kwargs)
        wrapped.__class__ = ApiRequest
        return wrapped

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Pass the walls in order: query, sign-in, organization, permission, rate limit."""
        check_query(request)
        super().initial(request, *args, **kwargs)
        if self.action is None or self.action == "metadata":
            self.http_method_not_allowed(request)
        if request.headers.get("Content-Encoding", "identity").strip().lower() != "identity":
            raise UnsupportedMediaType("The body must not be compressed.")
        if not self.is_public:
            self._let_in(request)
        if scope := self.limit_of(request):
            self._count(scope)

    def _let_in(self, request: Request) -> None:
        """Pass the walls that stand before private calls."""
        if request.auth is None:
            raise Unauthenticated
        named = self.kwargs.get(self.organization_kwarg, "")
        if named and not UUID_PATTERN.fullmatch(named):
            raise NotFound
        if named or self.needs_organization:
            self.request.actor = self.credentials.resolve_actor(named)
            self._check_permission(None)

    def _required_permission(self) -> str:
        return self.permissions.get(self.action, self.permission)

    def _check_permission(self, row: models.Model | None) -> None:
        """Raise Forbidden; before the row is known an owner's right still counts, on the row it does not."""
        permission = self._required_permission()
        is_open = row is None and self.detail and self.actor.might(permission)
        if permission and not is_open and not self.actor.may(permission, row):
            raise Forbidden(f"This needs the permission {permission}.")

    def _guarded_object(self) -> ModelT:
        """Return the row, locked and compared with If-Match if there is one."""
        if "If-Match" not in self.request.headers:
            return self.get_object()
        model = self.get_queryset().model
        # Locked first, so that nothing changes between the comparison and the update.
        model._base_manager.select_for_update().filter(pk=self.get_object().pk).first()  # noqa: SLF001
        row = self.get_object()
        etags.check_if_match(self.request, etags.strong_etag(self._rendered(self.answer(row))))
        return row

    def _rendered(self, value: Any) -> bytes:
        content: bytes = self.request.accepted_renderer.render(value)  # type: ignore[assignment]
        return content

    # --- the rate limit

    def limit_of(self, request: Request) -> str:
        """Return the scope in which this request counts; some depend on what it carries."""
        return self.limits.get(self.action, self.limit)

    def count_by(self, scope: str, **subjects: str) -> None:
        """Count the request by its network address and by `subjects`, see `take_at`; raises RateLimited."""
        self._note(throttles.take_at(self.request, scope, **subjects))

    def _count(self, scope: str) -> None:
        """Count the request by who makes it; outside an organization their role in the active one holds."""
        # What was put on DRF's own request: the page's actor and credentials not looked at do not count.
        known = vars(self.request)
        if known.get("actor") is not None:
            caller = self.actor.caller
        elif known.get("_auth") is not None:
            caller = self.credentials.caller()
        else:
            caller = throttles.stranger(self.request)
        self._note(throttles.take_for(caller, scope))

    def _note(self, decision: Decision) -> None:
        """Have the answer tell how much is left, of the tighter limit if there are two."""
        request = self.request._request  # noqa: SLF001
        before: Decision | None = getattr(request, "rate_limit", None)
        if before is None or decision.is_tighter_than(before):
            request.rate_limit = decision  # type: ignore[attr-defined]

    def _count_refusal(self, status: int) -> None:
        """Count a request that was refused before it was counted, and every failed sign-in.

        Raises RateLimited, which is then the answer.
        """
        if status == 429:  # noqa: PLR2004
            return
        if not hasattr(self.request._request, "rate_limit"):  # noqa: SLF001
            self._count("api")
        if status == 401:  # noqa: PLR2004
            self.count_by("auth_failed")

    # --- parameters

    def known_parameters(self) -> frozenset[str]:
        """Return the query parameters of the current action."""
        if self.action in self.query_serializer_classes:
            known = set(_names_of(self.query_serializer_classes[self.action]))
        else:
            known = {"fields"} if self.action in STANDARD_ACTIONS else set()
        if self.action == "list":
            filters = self.filterset_class.base_filters if self.filterset_class else ()
            known |= {*LIST_PARAMETERS, *filters, *(["search"] if self.search_fields else [])}
        return frozenset(known)

    def _check_parameters(self) -> None:
        known = self.known_parameters() if self.request.query_params else frozenset()
        unknown = [name for name in self.request.query_params if name not in known]
        if unknown:
            detail = "There is no such parameter."
            raise Invalid(
                errors=[FieldError(detail, code="unknown_parameter", parameter=name) for name in unknown]
            )

    # --- the answer

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Run the action; as DRF does, but once per Idempotency-Key."""
        self.args, self.kwargs = args, kwargs
        self.request = self.initialize_request(request, *args, **kwargs)  # type: ignore[assignment]
        self.headers = self.default_response_headers
        try:
            self.initial(self.request, *args, **kwargs)
            self._check_parameters()
            response = self._run()
        except Exception as error:  # DRF's boundary: the handler re-raises what is a fault of ours
            response = self._refused(error)
        self.response = self.finalize_response(self.request, response, *args, **kwargs)
        return self.response

    def _refused(self, error: Exception) -> HttpResponseBase:
        """Return the answer to an error, or to the rate limit that it meets."""
        response: HttpResponseBase = self.handle_exception(error)
        try:
            self._count_refusal(response.status_code)
        except throttles.RateLimited as limited:
            response = self.handle_exception(limited)
        return response

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:
        """Add the headers of every answer, and tell a caller whose copy is good that it is."""
        response = super().finalize_response(request, response, *args, **kwargs)
        response.setdefault("Cache-Control", "private, no-cache")
        patch_vary_headers(response, VARY)
        response["X-Request-Id"] = request_id_of(request._request)  # noqa: SLF001
        if isinstance(response, Response) and self._is_tagged(response):
            response.setdefault("ETag", etags.strong_etag(response.render().content))
        if response.status_code == 200 and "ETag" in response and etags.is_fresh(request, response["ETag"]):  # noqa: PLR2004
            return etags.not_modified(response)
        return response

    def _is_tagged(self, response: Response) -> bool:
        """Tell whether the body is what a GET of the same address would give."""
        if response.exception or response.status_code not in {200, 201}:
            return False
        is_read = self.request.method in {"GET", "HEAD"}
        return is_read or (self.action in {"create", "partial_update"} and not self.secret_fields)

    def _run(self) -> HttpResponseBase:
        """Call the action's method, through the store of answers if the caller named a key."""
        method = self.request.method or ""
        handler: Callable[..., HttpResponseBase] = getattr(self, method.lower(), self.http_method_not_allowed)
        header = self.request.headers.get("Idempotency-Key")
        is_remembered = self.remembers_answers and method in UNSAFE_METHODS and self.request.auth is not None
        if header is None or not is_remembered:
            return handler(self.request, *self.args, **self.kwargs)
        return self._run_once(idempotency.checked_key(header), handler)

    def _run_once(self, header: str, handler: Callable[..., HttpResponseBase]) -> HttpResponseBase:
        request = self.request
        request.data  # noqa: B018 - the body is read before the lock is taken, so that a slow sender holds none
        key = RequestKey(self.credentials.key, request.method or "", request.path, header)
        content = idempotency.request_hash(
            query=request.META.get("QUERY_STRING", ""),
            media_type=(request.content_type or "").partition(";")[0].strip().lower(),
            body_sha256=request.body_sha256,
        )
        fresh: list[HttpResponse] = []

        def effect() -> Answer:
            response = self.finalize_response(request, handler(request, *self.args, **self.kwargs))
            fresh.append(response.render() if isinstance(response, Response) else response)
            return self._storable(content, fresh[0])

        answer, is_replayed = idempotency.answer_once(key, content, effect)
        return _replayed(answer) if is_replayed else fresh[0]

    def _storable(self, content: bytes, response: HttpResponse) -> Answer:
        """Return the answer as it may be kept: without what is shown only once."""
        body = response.content
        shown_once = [name for name in self.secret_fields if name in (getattr(response, "data", None) or {})]
        if shown_once:
            body = self._rendered(response.data | dict.fromkeys(shown_once))  # type: ignore[attr-defined]
        headers = {name: response[name] for name in idempotency.KEPT_HEADERS if name in response}
        return Answer(request_hash=content, status=response.status_code, headers=headers, body=body)


@functools.cache
def prepared_of(viewset: type[ResourceViewSet[ModelT]]) -> Prepared[ModelT] | None:
    """Return how a viewset finds one row, if that is the same statement for all actors of an organization."""
    if viewset.get_queryset is not ResourceViewSet.get_queryset or viewset.queryset is None:
        return None
    return prepare_visible(viewset.queryset, viewset.lookup_field)


@functools.cache
def _names_of(serializer_class: type[serializers.Serializer[Any]]) -> frozenset[str]:
    """Return the names of a query; DRF makes all fields anew for each object."""
    return frozenset(serializer_class().fields)


def _replayed(answer: Answer) -> HttpResponse:
    response = HttpResponse(answer.body, status=answer.status, headers=dict(answer.headers))
    response[idempotency.REPLAYED_HEADER] = "true"
    return response


def _parameter_errors(found: Mapping[str, Any]) -> list[FieldError]:
    """Return a query serializer's errors by parameter."""
    return [
        FieldError(str(message), code=getattr(message, "code", "invalid"), parameter=name)
        for name, messages in found.items()
        for message in _flat(messages)
    ]


def _flat(messages: Any) -> list[Any]:
    if isinstance(messages, Mapping):
        return [text for below in messages.values() for text in _flat(below)]
    if isinstance(messages, list):
        return [text for below in messages for text in _flat(below)]
    return [messages]
