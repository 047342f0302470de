"""What sums over signals look like."""

from typing import Any

from rest_framework import serializers

from apps.signals.queries.facets import OPTION_FIELDS, VALUES_MAX


class CountsField(serializers.DictField):
    """How many, by name."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(child=serializers.IntegerField(), **kwargs)


class SignalSummaryOut(serializers.Serializer[Any]):
    """How many signals there are, by type, domain and status."""

    count = serializers.IntegerField()
    attention_count = serializers.IntegerField()
    by_type = CountsField()
    by_domain = CountsField()
    by_status = CountsField()


class FilterOptionOut(serializers.Serializer[Any]):
    """A value of a filter."""

    value = serializers.CharField()
    label = serializers.CharField()  # type: ignore[assignment]  # DRF's own fields have such a name, too
    count = serializers.IntegerField()


class FilterValuesOut(serializers.Serializer[Any]):
    """The values of one filter, those of most signals first."""

    values = FilterOptionOut(many=True, help_text=f"At most {VALUES_MAX}.")
    truncated = serializers.BooleanField(help_text="There are more.")


class FilterOptionsOut(serializers.Serializer[Any]):
    """The values of every filter."""

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        """Return a field for each filter that has values to choose from."""
        return {name: FilterValuesOut() for name in OPTION_FIELDS}


class FacilityCountOut(serializers.Serializer[Any]):
    """A facility with its signals."""

    facility_id = serializers.CharField()
    name = serializers.CharField(allow_null=True)
    system_name = serializers.CharField(allow_null=True)
    count = serializers.IntegerField()
    attention_count = serializers.IntegerField()
    open_count = serializers.IntegerField()
    worst_severity = serializers.IntegerField()


class FacilityCountsOut(serializers.Serializer[Any]):
    """The facilities of some signals, the worst first."""

    facilities = FacilityCountOut(many=True, help_text=f"At most {VALUES_MAX}.")
    truncated = serializers.BooleanField(help_text="There are more.")
