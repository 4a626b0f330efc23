"""The frame of all pages in a real browser: tables that sort, links that unfold, nothing from outside."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.pages.browser import opened
from wsdkd.pages.page import write_page

TEMPLATE = """{% extends "pages/base.html" %}
{% block title %}A page{% endblock %}
{% block content %}
<table class="sortable"><thead><tr><th>class</th><th>AP</th><th class="fixed">bar</th></tr></thead><tbody>
{% for name, ap in classes %}
<tr><td><a href="#{{ name }}">{{ name }}</a></td><td class="number">{{ ap|decimals }}</td><td></td></tr>
{% endfor %}
</tbody></table>
{% for name, _ in classes %}<details id="{{ name }}"><summary>{{ name }}</summary>about</details>{% endfor %}
<img src="http://127.0.0.1:9/outside.png" alt="">
{% endblock %}
"""
CLASSES = [("cup", 9.5), ("Ähre", None), ("<b>", 62.0), ("bee", 10.0)]


@pytest.fixture
def page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    name = f"room_of_{tmp_path.name}"
    (tmp_path / name / "templates").mkdir(parents=True)
    (tmp_path / name / "__init__.py").touch()
    (tmp_path / name / "templates/page.html").write_text(TEMPLATE)
    monkeypatch.syspath_prepend(str(tmp_path))
    write_page(tmp_path / "page.html", name, "page.html", {"classes": CLASSES})
    yield tmp_path / "page.html"
    sys.modules.pop(name, None)


def _column(page, column):
    return page.locator(f"tbody td:nth-child({column})").all_text_contents()


def test_tables_sort_links_unfold_and_nothing_is_loaded(page: Path) -> None:
    with opened(page) as seen:
        head = seen.page.get_by_role("button", name="AP")
        head.click()
        assert _column(seen.page, 2) == ["62.0", "10.0", "9.5", "–"]
        head.click()
        assert _column(seen.page, 2) == ["9.5", "10.0", "62.0", "–"]
        assert seen.page.locator("th").nth(1).get_attribute("aria-sort") == "ascending"
        seen.page.get_by_role("button", name="class").click()
        assert _column(seen.page, 1) == ["<b>", "Ähre", "bee", "cup"]
        assert seen.page.get_by_role("button", name="bar").count() == 0

        cup = seen.page.locator("#cup")
        assert cup.get_attribute("open") is None
        seen.page.get_by_role("link", name="cup").click()
        assert cup.get_attribute("open") is not None
        cup.locator("summary").click()
        assert cup.get_attribute("open") is None
        seen.page.get_by_role("link", name="cup").click()  # once more, though the address stays the same
        assert cup.get_attribute("open") is not None

        # What a template would load from elsewhere, the page's policy refuses, and the console says so.
        assert seen.requests == [page.resolve().as_uri(), "http://127.0.0.1:9/outside.png"]
        (refused,) = seen.errors
        assert "Content Security Policy" in refused


def test_a_phone_and_a_dark_screen(page: Path) -> None:
    with opened(page, color_scheme="dark", viewport={"width": 360, "height": 640}) as seen:
        colour = seen.page.evaluate("getComputedStyle(document.body).backgroundColor")
        assert max(int(part) for part in colour[4:-1].split(",")) < 60
        assert seen.page.evaluate("document.documentElement.scrollWidth") <= 360
