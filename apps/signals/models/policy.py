"""What an organization decides about its signals."""

from typing import Any, Self

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q

from apps.accounts.models import Organization
from apps.accounts.permissions import Actor
from apps.common.db import Row


class PolicyQuerySet(models.QuerySet[Any]):
    """Reads of policies."""

    def visible_to(self, actor: Actor) -> Self:
        """Narrow to the actor's organization."""
        return self.filter(organization=actor.organization)


def default_relapse() -> dict[str, list[int]]:
    """Return how many of the last observations reopen a signal, by type: [k, n]; `default` for the rest."""
    return {"default": [2, 3], "critical_trajectory": [1, 1]}


class Policy(Row):
    """The one policy of an organization; `vanish_guard` is a share (0..1) of present signals."""

    organization = models.OneToOneField(Organization, on_delete=models.CASCADE, related_name="+")
    vanish_guard = models.FloatField(
        default=0.30, validators=[MinValueValidator(0.0), MaxValueValidator(1.0)]
    )
    event_delta = models.PositiveSmallIntegerField(default=10)
    auto_resolve_absent_runs = models.PositiveSmallIntegerField(default=3)
    relapse = models.JSONField(default=default_relapse)

    objects = PolicyQuerySet.as_manager()

    class Meta:
        db_table = "signals_policy"
        constraints = [
            models.CheckConstraint(
                condition=Q(vanish_guard__gte=0, vanish_guard__lte=1), name="signals_policy_vanish_guard"
            )
        ]

    def __str__(self) -> str:
        return f"policy of {self.organization_id}"


class RoleType(Row):
    """A hat under which people take signals."""

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="+")
    code = models.CharField(max_length=80)
    label = models.CharField(max_length=255)
    active = models.BooleanField(default=True)

    objects = PolicyQuerySet.as_manager()

    class Meta:
        db_table = "signals_role_type"
        constraints = [
            models.UniqueConstraint(fields=["organization", "code"], name="signals_role_type_code")
        ]

    def __str__(self) -> str:
        return self.label


class MetricPolicy(Row):
    """What an organization says of a metric, before any bundle or catalogue; a source of dbt."""

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="+")
    metric_id = models.CharField(max_length=255)
    polarity = models.CharField(max_length=20, null=True, blank=True)  # noqa: DJ001 - null: not said
    domain = models.CharField(max_length=80, null=True, blank=True)  # noqa: DJ001 - null: not said
    display_name = models.CharField(max_length=255, null=True, blank=True)  # noqa: DJ001 - null: not said

    objects = PolicyQuerySet.as_manager()

    class Meta:
        db_table = "signals_metric_policy"
        constraints = [
            models.UniqueConstraint(
                fields=["organization", "metric_id"], name="signals_metric_policy_metric"
            ),
            models.CheckConstraint(
                condition=Q(polarity__isnull=True)
                | Q(polarity__in=["lower_is_better", "higher_is_better", "neutral"]),
                name="signals_metric_policy_polarity",
            ),
        ]

    def __str__(self) -> str:
        return self.metric_id
