"""The report of a real run, on the smoke profile, in a real browser and read as a file."""

import re

import pytest

from tests.pages.browser import opened
from tests.pipeline.clone import Clone


@pytest.fixture(scope="module")
def html(smoke: Clone) -> str:
    return (smoke.root / "reports/report.html").read_text(encoding="utf-8")


def test_it_stands_alone(html: str) -> None:
    assert len(html) < 15_000_000
    assert not re.search(r'(src|href)="(?!#|data:)', html)
    assert not re.search(r"url\(|@import|\bfetch\(", html)
    assert "nan" not in re.findall(r">([^<]*)<", html)


def test_it_fits_a_phone_and_paper(smoke: Clone) -> None:
    with opened(
        smoke.root / "reports/report.html", color_scheme="dark", viewport={"width": 360, "height": 640}
    ) as seen:
        assert seen.page.evaluate("document.documentElement.scrollWidth") <= 360
        assert seen.page.locator(".switches").is_visible()
        seen.page.emulate_media(media="print", color_scheme="light")
        assert not seen.page.locator(".switches").is_visible()
        assert seen.page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
        assert seen.page.pdf().startswith(b"%PDF")
        assert seen.errors == []


def test_classes_sort_and_open_and_nothing_comes_from_outside(smoke: Clone) -> None:
    with opened(smoke.root / "reports/report.html") as seen:
        rows = seen.page.locator("#classes tbody tr")
        seen.page.get_by_role("button", name="gain").click()
        gains = [
            float(text)
            for text in rows.locator("td:nth-child(7)").evaluate_all(
                "cells => cells.map(cell => cell.dataset.value).filter(value => value)"
            )
        ]
        assert gains == sorted(gains, reverse=True)
        link = rows.locator("a").first
        link.click()
        section = seen.page.locator(link.get_attribute("href"))
        assert section.get_attribute("open") is not None
        assert section.locator("summary").is_visible()
        audit = seen.page.locator("#dataset").inner_text()
        assert "84 images (48 train, 12 val, 24 test), 20 classes" in audit
        assert "3 classes without an image in split val: arrow, bolt, house" in audit
        heat = seen.page.locator("details[open] .heat").first
        if heat.count():
            seen.page.locator("#heat").uncheck()
            assert not heat.is_visible()
        assert seen.errors == []
        assert [url.partition("#")[0] for url in seen.requests] == [
            (smoke.root / "reports/report.html").resolve().as_uri()
        ]
