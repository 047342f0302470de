"""The endpoints of jobs, of whatever kind."""

from typing import Any

from django.urls import reverse
from drf_spectacular.utils import extend_schema
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from apps.accounts import services
from apps.accounts.api import job_serializers as serializers
from apps.accounts.api.filters import JobFilter
from apps.accounts.job_queries import summarize_jobs
from apps.accounts.models import Job
from apps.common.viewsets import ResourceViewSet


class JobViewSet(ResourceViewSet[Job]):
    """Jobs of all kinds: what runs, waits, failed; each is seen by whoever may view its product."""

    queryset = Job.objects.select_related("created_by").defer("error_trace")
    offers = ("list", "retrieve")
    permissions = {"retry": "accounts.manage_jobs", "discard": "accounts.discard_jobs"}
    serializer_class = serializers.JobOut
    filterset_class = JobFilter
    search_fields = ("kind", "stage", "error_code", "error_detail")
    sort_fields = {
        name: name
        for name in ("created_at", "queued_at", "started_at", "finished_at", "kind", "status", "progress")
    }

    @extend_schema(responses=serializers.JobSummaryOut)
    @action(detail=False, pagination_class=None, filter_backends=())
    def summary(self, request: Request) -> Response:
        """Count the jobs by status and kind."""
        summary = summarize_jobs(self.get_queryset())
        return Response(serializers.JobSummaryOut(summary).data)

    @extend_schema(request=None, responses={202: serializers.JobOut})
    @action(detail=True, methods=["post"])
    def cancel(self, request: Request, pk: str) -> Response:
        """Cancel a job, at once or as soon as its worker notices."""
        return self._act(services.cancel_job)

    @extend_schema(request=None, responses={202: serializers.JobOut})
    @action(detail=True, methods=["post"])
    def retry(self, request: Request, pk: str) -> Response:
        """Queue a failed job again."""
        return self._act(services.retry_job)

    @extend_schema(request=None, responses={202: serializers.JobOut})
    @action(detail=True, methods=["post"])
    def discard(self, request: Request, pk: str) -> Response:
        """Take a failed job out of the dead letters."""
        return self._act(services.discard_job)

    def _act(self, service: Any) -> Response:
        job = self.get_object()
        service(actor=self.actor, job=job)
        changed = self.get_queryset().get(pk=job.pk)
        url = reverse("job-detail", args=[str(job.pk)])
        return Response(self.answer(changed), status=202, headers={"Location": url})
