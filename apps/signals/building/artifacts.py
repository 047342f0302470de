"""What dbt leaves behind, as this platform reads it: run_results.json and manifest.json."""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import orjson

from apps.common.errors import Unavailable

PACKAGE: Final = "sextant"
GOOD: Final = frozenset({"success", "pass", "warn", "no-op"})
MESSAGE_CHARS: Final = 4_000
Json = Mapping[str, Any]


class ArtifactsMissing(Unavailable):
    """dbt left no artifacts, or none that can be read."""

    code = "signals.dbt_artifacts_missing"


@dataclass(frozen=True, slots=True)
class Result:
    """What became of one node."""

    unique_id: str
    status: str
    execution_s: float
    failures: int | None
    message: str

    @property
    def resource_type(self) -> str:
        """Return the kind of node: "model" of "model.sextant.stg_nodes"."""
        return self.unique_id.partition(".")[0]

    @property
    def name(self) -> str:
        """Return the node's name: "stg_nodes" of "model.sextant.stg_nodes"."""
        parts = self.unique_id.split(".")
        return parts[2] if len(parts) > 2 else self.unique_id  # noqa: PLR2004 - kind, package, name

    @property
    def has_failed(self) -> bool:
        """Tell whether the node itself is at fault; one that was skipped is not."""
        return self.status not in GOOD and self.status != "skipped"


@dataclass(frozen=True, slots=True)
class Described:
    """A seed or model as the manifest tells it; `columns` are {name: description}, `tests` {id: column}."""

    unique_id: str
    name: str
    layer: str
    schema: str
    materialization: str
    description: str
    columns: Mapping[str, str]
    tags: tuple[str, ...]
    depends_on: tuple[str, ...]
    tests: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Artifacts:
    """The artifacts of one build; `files` are the bytes of those that are kept, by name."""

    dbt_version: str
    results: tuple[Result, ...]
    models: tuple[Described, ...]
    manifest_sha256: str
    files: Mapping[str, bytes]

    @property
    def failed(self) -> tuple[Result, ...]:
        """Return the nodes that failed."""
        return tuple(result for result in self.results if result.has_failed)

    @property
    def warned(self) -> tuple[Result, ...]:
        """Return the tests that failed and only warn."""
        return tuple(result for result in self.results if result.status == "warn")


def read_artifacts(target: Path) -> Artifacts:
    """Read what a build left in its target folder; raises ArtifactsMissing."""
    try:
        files = {name: (target / f"{name}.json").read_bytes() for name in ("manifest", "run_results")}
        manifest, results = orjson.loads(files["manifest"]), orjson.loads(files["run_results"])
        return Artifacts(
            dbt_version=str(results["metadata"]["dbt_version"]),
            results=tuple(_result(each) for each in results["results"]),
            models=tuple(describe_models(manifest)),
            manifest_sha256=manifest_digest(manifest),
            files=files,
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ArtifactsMissing(str(error)[:MESSAGE_CHARS]) from error


def manifest_digest(manifest: Json) -> str:
    """Return a SHA-256 of what the manifest declares, without its times and ids: equal for equal projects."""
    nodes = sorted((key, each.get("checksum"), each.get("config")) for key, each in manifest["nodes"].items())
    macros = sorted((key, each["macro_sql"]) for key, each in manifest["macros"].items() if _is_ours(each))
    return hashlib.sha256(orjson.dumps([nodes, macros], option=orjson.OPT_SORT_KEYS)).hexdigest()


def describe_models(manifest: Json) -> Iterator[Described]:
    """Yield the seeds and models of the manifest with the tests that look at them."""
    tests = _tests_by_model(manifest)
    for unique_id, node in sorted(manifest["nodes"].items()):
        if node["resource_type"] in {"model", "seed"}:
            yield Described(
                unique_id=unique_id,
                name=node["name"],
                layer="seeds" if node["resource_type"] == "seed" else node["fqn"][1],
                schema=node["schema"],
                materialization=node["config"]["materialized"],
                description=node.get("description") or "",
                columns={name: each.get("description") or "" for name, each in node["columns"].items()},
                tags=tuple(node.get("tags") or ()),
                depends_on=tuple(node["depends_on"].get("nodes") or ()),
                tests=tests.get(unique_id, {}),
            )


def _tests_by_model(manifest: Json) -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = {}
    for unique_id, node in manifest["nodes"].items():
        if node["resource_type"] != "test":
            continue
        attached = node.get("attached_node")
        for model in [attached] if attached else node["depends_on"]["nodes"]:
            found.setdefault(model, {})[unique_id] = _tested_column(node)
    return found


def _tested_column(node: Json) -> str:
    arguments = (node.get("test_metadata") or {}).get("kwargs") or {}
    return str(node.get("column_name") or arguments.get("column") or "")


def _is_ours(macro: Json) -> bool:
    return bool(macro.get("package_name") == PACKAGE)


def _result(each: Json) -> Result:
    return Result(
        unique_id=str(each["unique_id"]),
        status=str(each["status"]),
        execution_s=float(each.get("execution_time") or 0.0),
        failures=each.get("failures"),
        message=str(each.get("message") or "").replace("\x00", "")[:MESSAGE_CHARS],
    )
