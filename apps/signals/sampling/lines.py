"""Lines of node files: one entity each, with the figures of its facet."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import orjson

from apps.signals.formulas.arrays import Floats, Ints
from apps.signals.formulas.labels import slope_label, z_label
from apps.signals.sampling import names
from apps.signals.sampling.values import Panel

CHUNK: Final = 4096
Json = dict[str, Any]
Column = list[Any]

OK_RUNTIME: Final = orjson.Fragment(
    b'{"status":"ok","summary":{"has_issues":false,"highest_severity":"ok","severity_counts":{}},"issues":[]}'
)
_NO_VALUE: Final = {
    "status": "warning",
    "summary": {"has_issues": True, "highest_severity": "warning", "severity_counts": {"warning": 1}},
    "issues": [{"severity": "warning", "code": "suppressed", "message": "too few peers, or no value"}],
}
SUPPRESSED_RUNTIME: Final = orjson.Fragment(orjson.dumps(_NO_VALUE))


def method_id(short: str, *, temporal: bool) -> str:
    """Return the id of a statistical method by its short name."""
    return f"statistical_method__{short}__{_period(temporal=temporal)}"


def _period(*, temporal: bool) -> str:
    return "trending_time_period" if temporal else "aggregate_time_period"


def column(values: Floats | Ints) -> Column:
    """Return the numbers as JSON has them, None for NaN."""
    found: Column = values.tolist()
    return [None if value != value else value for value in found]  # noqa: PLR0124 - only NaN differs from itself


@dataclass(frozen=True, slots=True)
class Profile:
    """What is the same in every line of a method: its id, and where its anomalies apply."""

    short: str
    temporal: bool
    applies_to: tuple[str, ...]

    def entry(self, statistics: Json, runtime: Any) -> Json:
        """Return the method's part of a line."""
        profile = f"anomaly_profiles__{self.short}__{_period(temporal=self.temporal)}"
        return {
            "statistical_method": method_id(self.short, temporal=self.temporal),
            "statistics": statistics,
            "anomalies": [
                {
                    "anomaly_profile": profile,
                    "methods": [_anomaly(profile, figure, statistics[figure]) for figure in self.applies_to],
                }
            ],
            "runtime": runtime,
        }


SIMPLE: Final = Profile("simple_zscore", False, ("simple_zscore",))
ROBUST: Final = Profile("robust_zscore", False, ("robust_zscore",))
TRENDING_SIMPLE: Final = Profile(
    "trending_simple_zscore", True, ("latest_simple_zscore", "mean_simple_zscore")
)
TRENDING_ROBUST: Final = Profile(
    "trending_robust_zscore", True, ("latest_robust_zscore", "mean_robust_zscore")
)
SLOPE: Final = Profile("slope_percentile", True, ("slope_percentile",))
AGGREGATE_PROFILES: Final = (SIMPLE, ROBUST)
TEMPORAL_PROFILES: Final = (TRENDING_SIMPLE, TRENDING_ROBUST, SLOPE)


def _anomaly(profile: str, figure: str, value: float | None) -> Json:
    label = slope_label(value) if figure == "slope_percentile" else z_label(value)
    shown = "-" if value is None else f"{value:.3f}"
    return {
        "anomaly_method": f"{profile}__{figure}",
        "anomaly": label,
        "statistic_value": value,
        "applies_to": figure,
        "interpretation": {
            "template_id": f"tpl__{figure}__{label}",
            "rendered": f"{figure} {shown} is {label}",
        },
    }


def entity_fragments(panel: Panel) -> list[orjson.Fragment]:
    """Return the `entity` list of each line, as bytes ready to stand in it."""
    dimension = panel.block.dimension
    tails = [
        b"," + orjson.dumps({"id": dimension, "value": segment, "dataset_field": dimension}) + b"]"
        for segment in panel.segments
    ] or [b"]"]
    heads: dict[int, bytes] = {}
    found = []
    for facility, facet in zip(panel.facility.tolist(), panel.facet.tolist(), strict=True):
        head = heads.get(facility)
        if head is None:
            value = names.facility_id(facility)
            head = heads[facility] = b"[" + orjson.dumps(
                {"id": names.FACILITY, "value": value, "dataset_field": names.FACILITY}
            )
        found.append(orjson.Fragment(head + tails[facet]))
    return found


def chunks(length: int) -> Iterator[slice]:
    """Return slices that bound how many Python numbers exist at once."""
    return (slice(start, min(start + CHUNK, length)) for start in range(0, length, CHUNK))


def runtime_of(*, suppressed: bool, peer_count: int | None = None) -> Any:
    """Return the `runtime` part of a method."""
    if peer_count is None:
        return SUPPRESSED_RUNTIME if suppressed else OK_RUNTIME
    whole = {} if not suppressed else _NO_VALUE
    return {
        "status": "ok",
        "summary": {"has_issues": False, "highest_severity": "ok", "severity_counts": {}},
        "issues": [],
        **whole,
        "anomaly_statistics": {"peer_count": peer_count},
    }
