"""The OpenAPI document: valid, without warnings, and equal to the copy that reviewers see changing."""

import os
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.core.management import call_command
from django.test import Client

COPY = Path(__file__).resolve().parents[1] / "openapi.yaml"
METHODS = {"get", "post", "put", "patch", "delete"}


@pytest.fixture(scope="module")
def generated(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Generate the document; a warning or an invalid part fails here.

    A request goes first, because answering one must not change the document.
    """
    Client().get("/api/v1/api-keys")
    file = tmp_path_factory.mktemp("openapi") / "openapi.yaml"
    call_command("spectacular", "--validate", "--fail-on-warn", "--file", str(file))
    return file.read_text()


@pytest.fixture(scope="module")
def document(generated: str) -> Any:
    return read_yaml(generated)


def read_yaml(text: "str | bytes") -> Any:
    # Ten times as fast as the reader in Python, where it is there.
    return yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))


def operations(document: Any) -> list[tuple[str, str, Any]]:
    return [
        (path, method, operation)
        for path, item in document["paths"].items()
        for method, operation in item.items()
        if method in METHODS
    ]


def test_the_document_equals_its_copy(generated: str) -> None:
    if os.environ.get("UPDATE_OPENAPI"):
        COPY.write_text(generated)
    assert COPY.read_text() == generated, (
        "The API changed. Look at the change, then write the copy anew:"
        " UPDATE_OPENAPI=1 python3 manage.py test tests/common/test_openapi.py"
    )


def test_every_operation_declares_its_problems(document: Any) -> None:
    for path, method, operation in operations(document):
        responses = operation["responses"]
        wanted = {"400", "401", "403", "406", "413", "414", "422", "429", "500", "503"}
        wanted |= {"404", "409"} if operation.get("security") else set()
        wanted |= {"408", "415"} if method != "get" else set()
        assert wanted <= responses.keys(), (path, method)
        for status in wanted:
            assert responses[status] == {"$ref": f"#/components/responses/Problem{status}"}, (path, method)


def test_a_call_reads_what_its_input_declares_and_nothing_else(document: Any) -> None:
    schemas = document["components"]["schemas"]
    for path, method, operation in operations(document):
        for body in operation.get("requestBody", {}).get("content", {}).values():
            if body["schema"].get("format") == "binary":
                continue  # bytes of a file, of no form
            name = body["schema"]["$ref"].rpartition("/")[2]
            assert not name.endswith("OutRequest"), (path, method)
            assert name.endswith("FormRequest") or schemas[name]["additionalProperties"] is False, name
    assert schemas["MePatchRequest"]["properties"].keys() == {
        "default_organization_id",
        "locale",
        "name",
        "time_zone",
    }


def test_a_parameter_stands_where_it_is_read(document: Any) -> None:
    for path, method, operation in operations(document):
        in_path = {item["name"] for item in operation.get("parameters", []) if item["in"] == "path"}
        assert in_path == set(re.findall(r"{(\w+)}", path)), (path, method)
    files = document["paths"]["/api/v1/imports/{id}/files"]["get"]
    assert [item["name"] for item in files["parameters"] if item["in"] == "query"] == []


def test_every_operation_is_signed_in_but_the_sign_in(document: Any) -> None:
    public = {path for path, _, operation in operations(document) if not operation.get("security")}
    before_sign_in = {
        "login",
        "refresh",
        "register",
        "verify-email",
        "verify-email/resend",
        "password/forgot",
        "password/reset",
    }
    # The grant in the address is what lets somebody in.
    # A manifest is checked by who has no account, too.
    open_to_all = {"/api/v1/preview/download/{grant}", "/api/v1/manifest-keys"}
    assert public == {f"/api/v1/auth/{name}" for name in before_sign_in} | open_to_all


def test_no_path_ends_with_a_slash(document: Any) -> None:
    assert [path for path in document["paths"] if path.endswith("/")] == []


@pytest.mark.parametrize("form", ["json", "yaml"])
def test_the_document_is_served(client: Client, form: str) -> None:
    answer = client.get(f"/api/v1/openapi.{form}")

    assert answer.status_code == 200
    served = read_yaml(answer.content)
    assert served["info"]["title"] == "Sextant"
    assert "/api/v1/me" in served["paths"]


@pytest.mark.parametrize("page", ["/api/docs/", "/api/docs/redoc/"])
def test_the_pages_load_nothing_from_another_host(client: Client, page: str, settings: Any) -> None:
    plain = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    settings.STORAGES = {**settings.STORAGES, "staticfiles": plain}
    answer = client.get(page)

    assert answer.status_code == 200
    text = answer.content.decode()
    assert "/api/v1/openapi.json" in text
    assert "/static/drf_spectacular_sidecar/" in text
    assert "//" not in text.replace("<!doctype html>", "")
