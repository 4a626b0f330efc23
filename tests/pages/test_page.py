"""Pages as files: what is escaped, that they load nothing, that equal content gives equal bytes."""

import re
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest
from jinja2 import UndefinedError
from markupsafe import Markup

from wsdkd.pages.page import render_page, write_page

TEMPLATE = """{% extends "pages/base.html" %}
{% block title %}Labels of {{ dataset }}{% endblock %}
{% block content %}
<table class="sortable"><thead><tr><th>class</th><th>AP</th></tr></thead><tbody>
{% for name, ap in classes %}
<tr><td title="{{ name }}">{{ name }}</td><td class="number" data-value="{{ ap }}">{{ ap|decimals }}</td></tr>
{% endfor %}
</tbody></table>
{{ chart }}
{% endblock %}
"""
CLASSES = [("cup", 62.94), ('"><script>alert(1)</script>', 7.0), ("Straße & Weg", float("nan"))]


@pytest.fixture
def room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A package with a template, such as a room is."""
    name = f"room_{tmp_path.name}"
    (tmp_path / name / "templates").mkdir(parents=True)
    (tmp_path / name / "__init__.py").touch()
    (tmp_path / name / "templates/classes.html").write_text(TEMPLATE)
    monkeypatch.syspath_prepend(str(tmp_path))
    yield name
    sys.modules.pop(name, None)


def _content(**more: object) -> dict[str, object]:
    return {"dataset": "<b>", "classes": CLASSES, "chart": Markup("<svg></svg>"), **more}


class Seen(HTMLParser):
    """Elements with their attributes, and the text between them."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def test_strange_text_stays_text(room: str) -> None:
    seen = Seen(render_page(room, "classes.html", _content()))
    assert [tag for tag, _ in seen.elements].count("script") == 1
    assert [attributes["title"] for _, attributes in seen.elements if "title" in attributes] == [
        name for name, _ in CLASSES
    ]
    assert [text for text in seen.text if text == "Labels of <b>"] == ["Labels of <b>"] * 2
    assert ("svg", {}) in seen.elements
    assert "Straße & Weg" in seen.text


def test_the_frame_loads_nothing(room: str) -> None:
    html = render_page(room, "classes.html", _content())
    for tag, attributes in Seen(html).elements:
        assert not attributes.get("src"), tag
        assert (attributes.get("href") or "data:").startswith("data:"), tag
    assert "http" not in html.replace("http-equiv", "")
    assert "url(" not in html
    policy = re.search('Policy" content="([^"]*)"', html)
    assert policy is not None
    assert policy[1].split("; ")[0] == "default-src 'none'"


def test_unknown_numbers_are_dashes(room: str) -> None:
    html = render_page(room, "classes.html", _content())
    assert ">62.9</td>" in html
    assert ">–</td>" in html
    assert ">nan<" not in html


def test_equal_content_gives_equal_bytes(room: str, tmp_path: Path) -> None:
    for name in ("one.html", "two.html"):
        write_page(tmp_path / "made" / name, room, "classes.html", _content())
    first, second = ((tmp_path / "made" / name).read_bytes() for name in ("one.html", "two.html"))
    assert first == second
    assert first.startswith(b"<!DOCTYPE html>\n")


def test_a_name_that_is_no_text_does_not_stop_a_page(room: str, tmp_path: Path) -> None:
    write_page(tmp_path / "page.html", room, "classes.html", _content(dataset="caf\udce9"))
    assert "Labels of caf?" in (tmp_path / "page.html").read_text(encoding="utf-8")


def test_what_is_missing_is_named_and_no_file_is_left(room: str, tmp_path: Path) -> None:
    content = _content()
    del content["chart"]
    with pytest.raises(UndefinedError, match="'chart' is undefined"):
        write_page(tmp_path / "page.html", room, "classes.html", content)
    assert not (tmp_path / "page.html").exists()
