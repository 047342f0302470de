"""The fields of outputs are made once per class, where an output is made of its row alone."""

import inspect
from collections.abc import Iterator

import pytest

from apps.common.serializers import OutSerializer, ValueSerializer
from config import api

Output = OutSerializer | ValueSerializer


def outputs(above: type[Output]) -> Iterator[type[Output]]:
    for below in above.__subclasses__():
        yield below
        yield from outputs(below)


OUTPUTS = sorted({*outputs(OutSerializer), *outputs(ValueSerializer)}, key=lambda output: output.__qualname__)


def test_the_outputs_are_found() -> None:
    assert api.urlpatterns
    assert {"DatasetOut", "ApiKeyOut", "ResolvedOut"} <= {output.__name__ for output in OUTPUTS}


@pytest.mark.parametrize("output", OUTPUTS)
def test_an_output_that_looks_at_the_request_shares_no_fields(output: type[Output]) -> None:
    assert (".context" in inspect.getsource(output)) is not output.shares_fields


@pytest.mark.parametrize("output", [output for output in OUTPUTS if output.shares_fields])
def test_two_outputs_of_a_class_share_their_fields(output: type[Output]) -> None:
    names = [name for name, field in output().fields.items() if not field.write_only]
    assert [field.field_name for field in output()._readable_fields] == names
    assert output()._readable_fields is output(context={"request": None})._readable_fields
