"""The invented world of sample runs: metrics, systems, facilities, service lines; hard names included."""

from dataclasses import dataclass
from typing import Final

from apps.signals.rules.inputs import Polarity

FACILITY: Final = "medicareId"
SERVICE_LINE: Final = "vizientServiceLine"
DISCHARGE_STATUS: Final = "dischargeStatus"
TIME_GRAIN: Final = "dischargeMonth"
AGGREGATE: Final = "aggregate_time_period"
PEERS: Final = "sample_peers"
DATASET: Final = "/data/sample.csv"


@dataclass(frozen=True, slots=True)
class Metric:
    """A metric and the scale of its values: `level` is the center, `spread` the peers' standard deviation."""

    id: str
    display_name: str
    domain: str
    polarity: Polarity
    unit_type: str
    display_format: str
    level: float
    spread: float

    @property
    def worse(self) -> int:
        """Return the sign of a change for the worse."""
        return -1 if self.polarity is Polarity.HIGHER_IS_BETTER else 1


METRICS: Final = (
    Metric("losIndex", "LOS Index", "Efficiency", Polarity.LOWER_IS_BETTER, "ratio", "0.00", 1.05, 0.12),
    Metric(
        "returnsToIcuPct",
        "Returns to ICU, %",
        "Safety",
        Polarity.LOWER_IS_BETTER,
        "percent",
        "0.0%",
        8.0,
        0.8,
    ),
    Metric(
        "dischargedHomePct",
        "Discharged home, %",
        "Effectiveness",
        Polarity.HIGHER_IS_BETTER,
        "percent",
        "0.0%",
        68.0,
        4.0,
    ),
    Metric("icuCases", "ICU cases", "Utilization", Polarity.NEUTRAL, "count", "0", 140.0, 12.0),
)

SYSTEMS: Final = (
    "NORTH_GROUP",
    "South, East & Partners",
    "Santé Québec",
    "Lakes/Rivers Alliance",
    "Zdraví a péče",
    "Valley: Community",
    "Hôpitaux Réunis",
    "Pine | Oak",
    "Metro",
)
PLACES: Final = (
    "Alder Creek",
    "Saint-Étienne",
    "Bay, North",
    "Córdoba Street",
    "East/West",
    "Ferndale: Main",
    "Göteborg Road",
    "Hill | Dale",
    "Île Bleue",
    "Juniper",
    "Kraków Gate",
)
# The last one of the few has 184 characters.
LONG_LINE: Final = (
    "Extracorporeal Circulation, Transplantation and Mechanical Support / Advanced Heart Failure: adult, "
    "adolescent and pediatric programmes including ambulatory follow-up | Équipes mobiles"
)
SERVICE_LINES: Final = (
    "Cardiology",
    "Ear, Nose/Throat: A|B",
    "Médecine générale",
    "Orthopedics",
    "Neurology",
    "Women's Health",
    "Oncology: Medical",
    "Pulmonary/Critical Care",
)
# Instead of the last service line in a few facilities, or in one of so many where there are not many: too few
# peers for aggregate statistics, for any.
RARE_LINES: Final = (("Sleep, Pain/Rehab", 12, 8), (LONG_LINE, 8, 10))
MANY_FACILITIES: Final = 120
DISCHARGE_STATUSES: Final = (
    "Home",
    "Home health: skilled",
    "SNF/Rehab",
    "Left, against advice",
    "Transféré",
    "Hospice | palliative",
)
FEATURES: Final = (
    "age",
    "payer_mix",
    "admit_source",
    "severity, APR-DRG",
    "comorbidities",
    "weekend_admission",
    "icu_days",
    "transfer_in",
    "prior_stays",
    "drg_weight",
    "surgical",
    "sex",
)
ESTIMATORS: Final = ("ridge", "lightgbm")


def facility_id(number: int) -> str:
    """Return the id of a facility numbered from 0: "FAC001"."""
    return f"FAC{number + 1:03d}"


def facility_name(number: int) -> str:
    """Return the name of a facility numbered from 0."""
    return f"{PLACES[number % len(PLACES)]} Hospital {number + 1}"


def system_name(number: int) -> str:
    """Return the system of a facility numbered from 0."""
    return SYSTEMS[number % len(SYSTEMS)]


def node_id(metric: Metric, dimension: str | None, *, temporal: bool) -> str:
    """Return the id of a node: of facilities without a dimension, else of facilities by it."""
    entity = FACILITY if dimension is None else f"{FACILITY}_{dimension}"
    return f"{metric.id}__{entity}__{TIME_GRAIN if temporal else AGGREGATE}"
