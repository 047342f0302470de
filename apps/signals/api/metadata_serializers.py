"""What goes in and out of the metadata: what dbt built, and the documents of runs."""

from typing import Any

from rest_framework import serializers

from apps.common.serializers import OutSerializer, StrictSerializer, TimeField
from apps.signals.models import DbtModel


class DocumentParameters(StrictSerializer):
    """Of which run; by default the newest current one."""

    run = serializers.UUIDField(required=False)


class MetadataRefreshIn(StrictSerializer):
    """Which run is built anew."""

    run = serializers.UUIDField()


class BuildJobOut(serializers.Serializer[Any]):
    """The job of a build; `/jobs/{id}` follows it."""

    id = serializers.UUIDField(source="pk")
    status = serializers.CharField()
    stage = serializers.CharField()
    progress = serializers.FloatField()
    runs = serializers.ListField(child=serializers.UUIDField(), source="run_ids")
    created_at = TimeField()


class LastBuildOut(serializers.Serializer[Any]):
    """How a build went."""

    id = serializers.UUIDField(source="pk")
    status = serializers.CharField()
    runs = serializers.ListField(child=serializers.UUIDField(), source="run_ids")
    started_at = TimeField(allow_null=True)
    finished_at = TimeField(allow_null=True)
    dbt_version = serializers.CharField()
    exit_code = serializers.IntegerField(allow_null=True)
    node_count = serializers.IntegerField()
    manifest_sha256 = serializers.CharField()
    error_code = serializers.CharField()
    error_detail = serializers.CharField()


class MetadataSummaryOut(serializers.Serializer[Any]):
    """How much dbt knows, and how its last build went."""

    schema = serializers.CharField(help_text="The prefix of the schemas.")
    model_count = serializers.IntegerField()
    models_by_layer = serializers.DictField(child=serializers.IntegerField())
    test_count = serializers.IntegerField()
    tests_by_status = serializers.DictField(child=serializers.IntegerField())
    last_build = LastBuildOut(allow_null=True)


class ModelColumnOut(serializers.Serializer[Any]):
    """A column of a model."""

    name = serializers.CharField()
    type = serializers.CharField()
    description = serializers.CharField()


class ModelTestOut(serializers.Serializer[Any]):
    """A test of a model, and what it said last."""

    name = serializers.CharField()
    column = serializers.CharField(allow_null=True)
    status = serializers.CharField(allow_null=True)


class DbtModelOut(OutSerializer):
    """A seed or model in a list."""

    class Meta:
        model = DbtModel
        fields = [
            "unique_id", "name", "layer", "schema", "materialization", "description", "tags", "depends_on",
        ]  # fmt: skip


class DbtModelDetailOut(DbtModelOut):
    """A seed or model with its columns and tests."""

    columns = ModelColumnOut(many=True)
    tests = ModelTestOut(many=True)

    class Meta(DbtModelOut.Meta):
        fields = [*DbtModelOut.Meta.fields, "columns", "tests"]


class ModelRelativeOut(serializers.Serializer[Any]):
    """A model, seed or source so many steps away."""

    unique_id = serializers.CharField()
    name = serializers.CharField()
    resource_type = serializers.CharField()
    layer = serializers.CharField(allow_null=True)
    distance = serializers.IntegerField()


class ModelLineageOut(serializers.Serializer[Any]):
    """What a model is made of and what is made of it, nearest first."""

    model = DbtModelOut()
    upstream = ModelRelativeOut(many=True)
    downstream = ModelRelativeOut(many=True)


class DescribedRunOut(serializers.Serializer[Any]):
    """The run that a document is of."""

    id = serializers.UUIDField(source="pk")
    run_id = serializers.CharField(help_text="The name of its folder.")
    graph = serializers.CharField(source="graph.name")


class BundleOut(serializers.Serializer[Any]):
    """The metadata bundle of a run, as it was loaded."""

    run = DescribedRunOut(allow_null=True)
    bundle = serializers.DictField(allow_null=True)


class RunManifestOut(serializers.Serializer[Any]):
    """The manifests of a run, as they were loaded; few runs have a semantic one."""

    run = DescribedRunOut(allow_null=True)
    manifest = serializers.DictField(allow_null=True)
    semantic_manifest = serializers.DictField(allow_null=True)
