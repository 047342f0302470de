"""What the API says of metrics and of modeling."""

from typing import Any, Final

from rest_framework import serializers

from apps.common.filters import SEARCH_MAX_LENGTH
from apps.common.serializers import StrictSerializer
from apps.signals.api.keyset import PageOut, PageParameters
from apps.signals.api.narrative_serializers import RunReference

TOP_MAX: Final = 200
TOP: Final = 10


class SignalMetricOut(serializers.Serializer[Any]):
    """A metric of a graph, as its run describes it."""

    metric_id = serializers.CharField()
    display_name = serializers.CharField(allow_null=True)
    description = serializers.CharField(allow_null=True)
    domain = serializers.CharField()
    polarity = serializers.CharField(help_text="lower_is_better, higher_is_better or neutral.")
    polarity_source = serializers.CharField(help_text="Who says so: policy, bundle, catalog, name, assumed.")
    unit_type = serializers.CharField(allow_null=True)
    display_format = serializers.CharField(allow_null=True)
    run = RunReference()


class SignalMetricPageOut(PageOut):
    """A page of metrics by id."""

    results = SignalMetricOut(many=True)


class RunParameters(StrictSerializer):
    """Which run is asked about: by default the newest of the current ones."""

    run = serializers.UUIDField(required=False)


class ExperimentParameters(PageParameters):
    """Which experiments: of a run, an estimator, a group."""

    run = serializers.UUIDField(required=False)
    estimator = serializers.CharField(max_length=SEARCH_MAX_LENGTH, required=False)
    group = serializers.CharField(max_length=SEARCH_MAX_LENGTH, required=False)


class DriverParameters(StrictSerializer):
    """Of which experiment, and how many: the best of those chosen."""

    run = serializers.UUIDField(required=False)
    estimator = serializers.CharField(max_length=SEARCH_MAX_LENGTH, required=False)
    group = serializers.CharField(max_length=SEARCH_MAX_LENGTH, required=False)
    top_n = serializers.IntegerField(min_value=1, max_value=TOP_MAX, default=TOP)


class ExperimentOut(serializers.Serializer[Any]):
    """One trained model; figures without `_original` are of the scaled target."""

    experiment_no = serializers.IntegerField()
    estimator = serializers.CharField(allow_null=True)
    groupby_label = serializers.CharField(allow_null=True)
    group_value = serializers.CharField(allow_null=True)
    row_count = serializers.IntegerField(allow_null=True)
    duration_s = serializers.FloatField(allow_null=True)
    mae = serializers.FloatField(allow_null=True)
    rmse = serializers.FloatField(allow_null=True)
    r2 = serializers.FloatField(allow_null=True)
    mae_original = serializers.FloatField(allow_null=True)
    rmse_original = serializers.FloatField(allow_null=True)
    r2_original = serializers.FloatField(allow_null=True)


class ExperimentPageOut(PageOut):
    """A page of experiments, in the order of their file."""

    results = ExperimentOut(many=True)


class ModelingSummaryOut(serializers.Serializer[Any]):
    """What a run has of modeling. The best has the highest r2, then the lowest mae, then the first name."""

    run = RunReference(allow_null=True)
    experiments = serializers.IntegerField(source="summary.experiments")
    groups = serializers.IntegerField(source="summary.groups")
    estimators = serializers.ListField(source="summary.estimators", child=serializers.CharField())
    best = ExperimentOut(source="summary.best", allow_null=True)
    best_of_groups = ExperimentOut(source="summary.best_of_groups", many=True)


class ModelDriverOut(serializers.Serializer[Any]):
    """A feature that moves predictions."""

    rank = serializers.IntegerField()
    feature = serializers.CharField()
    mean_abs_shap = serializers.FloatField(allow_null=True)
    mean_shap = serializers.FloatField(allow_null=True)
    direction = serializers.ChoiceField(choices=["increases", "decreases", "neutral"], allow_null=True)
    sample_count = serializers.IntegerField(allow_null=True)


class ModelDriversOut(serializers.Serializer[Any]):
    """The strongest drivers of the best experiment, null and none where there is no experiment."""

    run = RunReference(allow_null=True)
    experiment = ExperimentOut(allow_null=True)
    drivers = ModelDriverOut(many=True)
