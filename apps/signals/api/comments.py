"""The endpoints of comments on signals."""

from collections.abc import Sequence
from typing import Any

from rest_framework.request import Request
from rest_framework.response import Response

from apps.common.viewsets import ResourceViewSet
from apps.signals import triage_services
from apps.signals.api import triage_serializers as serializers
from apps.signals.api.triage import visible_signal
from apps.signals.models import Comment, Signal
from apps.signals.queries.assignees import WORK, names_of


class CommentingViewSet(ResourceViewSet[Comment]):
    """What all views of comments share: the names of those who are mentioned."""

    queryset = Comment.objects.select_related("author")
    permission = WORK
    serializer_class = serializers.CommentOut
    in_serializer_class = serializers.CommentIn
    patch_serializer_class = serializers.CommentIn

    def answer(self, row: Any, *, many: bool = False) -> Any:
        """Look the names up, once for all rows, and answer."""
        rows: Sequence[Any] = row if many else [row]
        names = names_of(key for each in rows for key in each.mentions)
        for each in rows:
            each.names = names
        return super().answer(row, many=many)


class SignalCommentViewSet(CommentingViewSet):
    """The comments on one signal, the oldest first; deleted ones keep their places."""

    signal: Signal
    offers = ("list", "create")
    permissions = {"list": "signals.view"}
    default_sort = "created_at"

    def get_queryset(self) -> Any:
        """Return the comments on the signal in the address."""
        rows = super().get_queryset()
        if getattr(self, "swagger_fake_view", False):
            return rows
        return rows.filter(signal=visible_signal(self.actor, self.kwargs["signal_id"]))

    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Write a comment on a signal that the caller sees, which is found before the body is looked at."""
        self.signal = visible_signal(self.actor, self.kwargs["signal_id"])
        return super().create(request, *args, **kwargs)

    def create_row(self, values: dict[str, Any]) -> Comment:
        """Write a comment."""
        return triage_services.add_comment(actor=self.actor, signal=self.signal, **values)

    def location_of(self, row: Any) -> dict[str, str]:
        """Return nothing: a comment has no address to be read at."""
        return {}


class CommentViewSet(CommentingViewSet):
    """One comment: changed by its author, deleted by them or by who may assign."""

    queryset = Comment.objects.select_related("author").filter(deleted_at__isnull=True)
    offers = ("partial_update", "destroy")

    def update_row(self, row: Comment, values: dict[str, Any]) -> Comment:
        """Change the text."""
        return triage_services.edit_comment(actor=self.actor, comment=row, **values)

    def delete_row(self, row: Comment) -> None:
        """Take the text away."""
        triage_services.delete_comment(actor=self.actor, comment=row)
