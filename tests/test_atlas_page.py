"""The map in a real browser: its legend, filter, search and tip."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from lca_rag.atlas import MapPoint, write_map

if TYPE_CHECKING:
    from playwright.sync_api import Page

CHROMIUM = Path("/usr/bin/chromium")
pytestmark = pytest.mark.skipif(
    not CHROMIUM.exists(), reason="no /usr/bin/chromium; apt-get install chromium"
)


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    playwright = pytest.importorskip("playwright.sync_api")
    target = tmp_path_factory.mktemp("map") / "map.html"
    write_map(
        [
            MapPoint(
                id=f"demo/{number}@1",
                name=f"Steel sheet {number}" if number % 3 else f"Wheat <b>{number}</b>",
                classes="Energy",
                place="DE",
                database="demo",
                cluster="steel sheet, metals · 钢板" if number % 3 else "wheat, grain · 小麦",
                x=-0.5 if number % 3 else 0.5,
                y=number / 20 - 0.5,
            )
            for number in range(20)
        ],
        target,
    )
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=str(CHROMIUM), args=["--no-sandbox"])
        opened = browser.new_page(viewport={"width": 1000, "height": 700})
        faults: list[str] = []
        opened.on("pageerror", lambda error: faults.append(str(error)))
        opened.goto(target.as_uri())
        yield opened
        browser.close()
    assert faults == []


def count(page: Page) -> str:
    return page.locator("#count").inner_text()


def test_clusters_are_listed_and_filter(page: Page) -> None:
    rows = page.locator("#key button")
    assert rows.all_inner_texts() == [
        "steel sheet, metals · 钢板\n13",
        "wheat, grain · 小麦\n7",
    ]
    assert count(page) == "20 of 20 records"
    rows.nth(1).click()
    assert count(page) == "7 of 20 records"
    assert rows.nth(1).get_attribute("aria-pressed") == "true"
    rows.nth(1).press("Enter")
    assert count(page) == "20 of 20 records"


def test_search_and_filter_hold_together(page: Page) -> None:
    page.fill("#find", "sheet 1")
    assert count(page) == "8 of 20 records"
    page.locator("#key button").nth(1).click()
    assert count(page) == "0 of 20 records"
    page.locator("#key button").nth(1).click()
    page.fill("#find", "")
    page.select_option("#by", label="place")
    assert page.locator("#key button").all_inner_texts() == ["DE\n20"]
    page.select_option("#by", label="cluster")


def test_a_point_says_what_it_is_and_names_stay_text(page: Page) -> None:
    box = page.locator("#plot").bounding_box()
    assert box is not None
    page.mouse.move(
        box["x"] + box["width"] * (0.5 + 0.47 * 0.5), box["y"] + box["height"] * (0.5 + 0.47 * 0.5)
    )
    told = page.locator("#tip").inner_text()
    assert "Wheat <b>0</b>" in told
    assert "cluster: wheat, grain · 小麦" in told
    assert "demo/0@1" in told


def test_no_serious_fault_of_accessibility(page: Page) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    violations = axe.run(page).response["violations"]
    assert [item["id"] for item in violations if item["impact"] in ("serious", "critical")] == []
