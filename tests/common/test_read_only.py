"""Maintenance: what changes something is refused, reading and signing in go on."""

import pytest
from django.core.exceptions import MiddlewareNotUsed
from django.http import HttpResponse
from django.test import RequestFactory
from pytest_django.fixtures import Settings

from apps.common.read_only import ReadOnlyMode


def answered(method: str, path: str) -> HttpResponse:
    response = ReadOnlyMode(lambda _request: HttpResponse("done"))(RequestFactory().generic(method, path))
    assert isinstance(response, HttpResponse)
    return response


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_a_change_is_refused_with_a_code_and_a_time(settings: Settings, method: str) -> None:
    settings.MAINTENANCE_READ_ONLY = True
    response = answered(method, "/api/v1/datasets")
    assert response.status_code == 503
    assert b'"service.read_only"' in response.content
    assert int(response["Retry-After"]) > 0


@pytest.mark.parametrize("path", ["/api/v1/auth/login", "/api/v1/auth/refresh", "/accounts/login/"])
def test_signing_in_goes_on(settings: Settings, path: str) -> None:
    settings.MAINTENANCE_READ_ONLY = True
    assert answered("POST", path).content == b"done"


@pytest.mark.parametrize("path", ["hexes/query", "questions", "metrics/query"])
def test_what_is_asked_by_post_and_changes_nothing_is_answered(settings: Settings, path: str) -> None:
    settings.MAINTENANCE_READ_ONLY = True
    assert answered("POST", f"/api/v1/{path}").content == b"done"


@pytest.mark.parametrize("path", ["hexes", "areas", "nowhere", "questions/grammar"])
def test_no_other_post_passes_for_being_near_one_that_reads(settings: Settings, path: str) -> None:
    settings.MAINTENANCE_READ_ONLY = True
    assert answered("POST", f"/api/v1/{path}").status_code == 503


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
def test_reading_goes_on(settings: Settings, method: str) -> None:
    settings.MAINTENANCE_READ_ONLY = True
    assert answered(method, "/api/v1/datasets").status_code == 200


def test_without_the_setting_nothing_stands_in_the_way(settings: Settings) -> None:
    settings.MAINTENANCE_READ_ONLY = False
    with pytest.raises(MiddlewareNotUsed):
        ReadOnlyMode(lambda _request: HttpResponse())
