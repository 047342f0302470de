"""Control files of a run: manifests, bundle, index, validation report, modeling."""

from typing import Any, Final

import numpy as np

from apps.signals.sampling import names
from apps.signals.sampling.graph import UNKNOWN, Graph, Node
from apps.signals.sampling.lines import Json, method_id
from apps.signals.sampling.node_summaries import node_summary, profiles
from apps.signals.sampling.options import Fault, RunPlan
from apps.signals.sampling.population import Population, facets

TAXONOMY: Final = "sample_taxonomy_1"
SCHEMA_VERSION: Final = 1
UNKNOWN_SCHEMA_VERSION: Final = 99
SHAP: Final = 7  # purpose of random numbers
EDGE_TYPES: Final = (
    ("segments_into", "Segments into", "breakdown"),
    ("trends_to", "Trends to", "temporal"),
    ("relates_to", "Relates to", "semantic"),
)
LAYERS: Final = ("schema", "references", "statistics")


def run_manifest(plan: RunPlan, graph: Graph, *, node_count: int) -> Json:
    """Return run_manifest.json."""
    return {
        "run_id": plan.run_id,
        "run_label": plan.graph,
        "started_at": plan.started_at.isoformat(),
        "node_count": node_count,
        "edge_count": len(graph.edges),
        "results": {
            "index_path": "results/index.json",
            "nodes_directory": "results/nodes",
            "sharded": True,
            "include_legacy_entity_results": False,
        },
    }


def semantic_manifest(plan: RunPlan) -> Json:
    """Return run_manifest.semantic.json."""
    unknown = Fault.SCHEMA_VERSION in plan.faults
    return {
        "run_id": plan.run_id,
        "graph_name": plan.graph,
        "requirements_path": "/data/requirements.yaml",
        "taxonomy_hash": TAXONOMY,
        "generated_at": plan.started_at.isoformat(),
        "metadata_bundle_version": "1",
        "schema_version": UNKNOWN_SCHEMA_VERSION if unknown else SCHEMA_VERSION,
    }


def results_index(plan: RunPlan, graph: Graph) -> Json:
    """Return results/index.json."""
    nodes = [_index_entry(node, plan.periods) for node in graph.nodes]
    if Fault.PATH_ESCAPE in plan.faults:
        nodes[-1]["result_path"] = f"results/nodes/../../../../{graph.nodes[-1].id}.jsonl"
    return {"run_id": plan.run_id, "created_at": plan.started_at.isoformat(), "nodes": nodes}


def _index_entry(node: Node, periods: tuple[str, ...]) -> Json:
    return {
        "canonical_node_id": node.id,
        "node_id": node.id,
        "dataset_path": names.DATASET,
        "metric_id": node.metric.id,
        "result_path": f"results/nodes/{node.id}.jsonl",
        "statistical_methods": [method_id(each.short, temporal=each.temporal) for each in profiles(node)],
        "summary": node_summary(node, periods),
    }


def metadata_bundle(plan: RunPlan, population: Population) -> Json:
    """Return metadata_bundle.json; an edge of the fault unknown_edge is not declared in it."""
    metrics = {block.metric.id: block.metric for block in population.blocks}
    return {
        "version": "1",
        "generated_at": plan.started_at.isoformat(),
        "taxonomy_hash": TAXONOMY,
        "metrics": [
            {
                "metric_id": metric.id,
                "display_name": metric.display_name,
                "description": f"{metric.display_name}, invented",
                "domain": metric.domain,
                "polarity": metric.polarity.value,
                "unit_type": metric.unit_type,
                "display_format": metric.display_format,
            }
            for metric in metrics.values()
        ],
        "edge_types": [
            {
                "id": name,
                "display_name": shown,
                "category": category,
                "direction": "forward",
                "ui_behavior": "link",
            }
            for name, shown, category in EDGE_TYPES
            if name != UNKNOWN
        ],
        "group_by_types": [
            _group_by("medicareId", "Facility", "facility", ()),
            *(
                _group_by(
                    str(block.dimension),
                    str(block.dimension),
                    "segment",
                    facets(block, population.all_facilities)[0],
                )
                for block in population.blocks
                if block.dimension and block.metric_number == 0
            ),
        ],
        "group_by_sets": [],
        "tag_types": [],
        "comparison_modes": [],
    }


def _group_by(name: str, shown: str, category: str, values: tuple[str, ...]) -> Json:
    return {
        "id": name,
        "display_name": shown,
        "category": category,
        "dataset_field": name,
        "allowed_values": [
            {"code": str(number), "identifier": value, "label": value}
            for number, value in enumerate(values, 1)
        ],
    }


def validation_report(plan: RunPlan) -> Json:
    """Return validation_report.json."""
    failed = Fault.VALIDATION_FAILED in plan.faults
    finding = {
        "severity": "error",
        "code": "reference_missing",
        "message": "A node refers to a metric that is not in the taxonomy",
        "location": "graph.json",
        "details": {},
    }
    layers: dict[str, Any] = {layer: {"status": "pass", "findings": []} for layer in LAYERS}
    if failed:
        layers[LAYERS[1]] = {"status": "fail", "findings": [finding]}
    return {
        "layers": layers,
        "summary": {
            "total_layers": len(LAYERS),
            "passed": len(LAYERS) - int(failed),
            "failed": int(failed),
            "warnings": 0,
            "total_findings": int(failed),
            "total_errors": int(failed),
        },
    }


def run_summary(plan: RunPlan) -> list[Json]:
    """Return modeling/run_summary.json."""
    return [
        {
            "config_path": "/data/runs/cfg.yaml",
            "status": "success",
            "groups": ["_global_group"],
            "run_dir": _written_at(plan),
            "duration_seconds": 12.5,
        }
    ]


def _written_at(plan: RunPlan) -> str:
    """Return the folder of the run on the invented machine that wrote it."""
    return f"/data/runs/{plan.graph}/{plan.run_id}"


def experiments(plan: RunPlan, seed: int) -> list[Json]:
    """Return modeling/experiments.json; paths are of the invented machine that wrote the run."""
    rng = np.random.default_rng([seed, SHAP, plan.number])
    return [
        {
            "config_path": "cfg.yaml",
            "groupby_label": "_global_group",
            "group_value": "all",
            "estimator": estimator,
            "scoring": "neg_mae",
            "n_iter": 10,
            "random_state": 1,
            "tuning_random_state": 2,
            "dataset_path": names.DATASET,
            "rows": 1000,
            "duration_seconds": 3.1,
            "metrics": {
                name: round(float(value), 6)
                for name, value in zip(
                    ("mae", "rmse", "r2", "mae_original", "rmse_original", "r2_original"),
                    rng.uniform(0.1, 0.9, 6),
                    strict=True,
                )
            },
            "artifacts": {
                "metrics": "m.json",
                "predictions": "p.parquet",
                "interpretability": {
                    "global_summary": f"{_written_at(plan)}/modeling/shap/{estimator}_global.csv",
                    "facility": None,
                    "encounter": None,
                },
            },
        }
        for estimator in names.ESTIMATORS
    ]


def shap_table(plan: RunPlan, estimator_number: int, seed: int) -> str:
    """Return modeling/shap/<estimator>_global.csv."""
    rng = np.random.default_rng([seed, SHAP, plan.number, estimator_number])
    sizes, signs = rng.uniform(0.01, 0.4, len(names.FEATURES)), rng.uniform(-1, 1, len(names.FEATURES))
    rows = [
        f'"{feature}",{size:.6f},{size * sign:.6f},1000'
        if "," in feature
        else f"{feature},{size:.6f},{size * sign:.6f},1000"
        for feature, size, sign in zip(names.FEATURES, sizes.tolist(), signs.tolist(), strict=True)
    ]
    return "\n".join(["feature,mean_abs_shap,mean_shap,count", *rows, ""])
