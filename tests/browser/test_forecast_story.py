"""A forecast from the wish to the map: a model is made, trained, judged, activated and asked."""

import re

import pytest
from playwright.sync_api import Browser, expect

from apps.accounts.models import User
from tests.browser.chromium import new_page, sign_in, wait_for_cells
from tests.browser.installation import Installation
from tests.browser.test_import_story import many_rows, upload
from tests.factories.accounts import PASSWORD

pytestmark = pytest.mark.browser


def test_a_model_is_trained_and_its_forecast_shown_on_the_map(
    browser: Browser, installation: Installation, member: User
) -> None:
    page, complaints = new_page(browser, base_url=installation.url)
    sign_in(page, email=member.email, password=PASSWORD)
    upload(page, "many.csv", many_rows(6_000), "UTC")
    expect(page.locator("#status")).to_have_text("Succeeded", timeout=120_000)

    page.get_by_role("link", name="Models").click()
    page.get_by_label("Name").fill("Next week")
    page.get_by_label("Resolution").select_option("6")
    page.get_by_label("Period", exact=True).select_option("week")
    page.get_by_label("Test origins").fill("3")
    page.get_by_role("button", name="Make the model").click()
    page.wait_for_url(re.compile(r"/models/[0-9a-f-]{36}/$"))
    expect(page.get_by_text("Not trained yet")).to_be_visible()
    page.get_by_role("button", name="Train").click()
    expect(page.get_by_text("Judged by a rolling origin")).to_be_visible(timeout=120_000)
    methods = page.get_by_role("region", name="Methods").locator("tbody tr")
    assert methods.count() >= 4
    expect(methods.get_by_text("serves")).to_have_count(1)

    page.get_by_role("button", name="Forecast").click()
    page.get_by_role("link", name="On the map").click(timeout=120_000)
    wait_for_cells(page)
    expect(page.locator("#forecast-note")).to_contain_text("Forecast for the period from 202")
    expect(page.locator("#legend")).to_contain_text("Expected events per cell")
    page.get_by_role("button", name="Show what happened").click()
    expect(page.locator("#legend")).to_contain_text("Events per cell")
    assert complaints.found == []


def test_a_question_is_answered_beside_the_map_and_one_that_is_not_understood_is_refused(
    browser: Browser, installation: Installation, member: User
) -> None:
    page, _ = new_page(browser, base_url=installation.url)
    sign_in(page, email=member.email, password=PASSWORD)
    upload(page, "many.csv", many_rows(600), "UTC")
    expect(page.locator("#status")).to_have_text("Succeeded", timeout=120_000)
    page.get_by_role("link", name="Open the map").click()
    wait_for_cells(page)

    page.get_by_text("Ask in words").click()
    page.get_by_label("Question").fill("How many burglary in 2024?")
    page.get_by_role("button", name="Ask").click()
    expect(page.locator("#asked")).to_contain_text("events of Burglary")
    page.get_by_label("Question").fill("How many in Atlantis?")
    page.get_by_role("button", name="Ask").click()
    expect(page.locator("#asked")).to_contain_text("Not understood: atlantis")
    page.get_by_text("Hour and weekday").click()
    page.get_by_label("Mon").check()
    expect(page.locator("#hours-note")).to_have_text("filtered")
    assert "weekday=1" in page.url
