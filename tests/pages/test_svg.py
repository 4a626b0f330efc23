"""Charts within a page, read back as XML."""

import math
import xml.etree.ElementTree as ElementTree

import pytest

from wsdkd.pages.svg import Axis, Line, Note, bar, line_chart, signed_bar

UNIT = Axis("recall", 0, 1)


def _texts(chart):
    return [element.text for element in ElementTree.fromstring(str(chart)).iter("text")]


def _paths(chart, dash):
    found = ElementTree.fromstring(str(chart)).iter("path")
    return [path for path in found if path.get("stroke-dasharray") == dash]


def test_lines_go_through_their_points_and_have_a_name_and_dashes():
    line = Line("student", [(0, 1), (0.5, 0.5), (0.7, math.nan), (1, 0)], "var(--student)", "7 3")
    chart = line_chart("A < B", [line], UNIT, Axis("precision", 0, 1), size=(420, 290))
    sample, drawn = _paths(chart, "7 3")
    # From the upper left corner of the area to its lower right one, the middle between; NaN has no place.
    assert drawn.get("d") == "M46.0 52.0L227.0 151.0L408.0 250.0"
    assert sample.get("d") == "M0.0 28.0L26.0 28.0"
    texts = _texts(chart)
    assert texts[:2] == ["A < B", "student"]
    assert {"recall", "precision", "0.2", "1"} <= set(texts)
    assert str(chart) == str(line_chart("A < B", [line], UNIT, Axis("precision", 0, 1), size=(420, 290)))


def test_names_are_escaped():
    chart = line_chart("<script>", [Line("a&b", [(0, 0)], "red")], UNIT, UNIT, notes=[Note('"<i>', 0, 0)])
    assert {"<script>", "a&b", '"<i>'} <= set(_texts(chart))
    assert "<script>" not in str(chart)


def test_a_single_point_is_a_dot_and_a_note_stays_in_the_chart():
    chart = line_chart("t", [Line("one", [(1, 1)], "red")], UNIT, UNIT, notes=[Note("the end", 1, 1)])
    root = ElementTree.fromstring(str(chart))
    dot, ring = root.iter("circle")
    assert (dot.get("cx"), dot.get("cy")) == (ring.get("cx"), ring.get("cy")) == ("408.0", "52.0")
    (note,) = (text for text in root.iter("text") if text.text == "the end")
    assert note.get("text-anchor") == "end"
    assert float(note.get("y")) > 52


@pytest.mark.parametrize(
    ("axis", "ticks"),
    [
        (Axis("", 0, 1), [0, 0.2, 0.4, 0.6, 0.8, 1]),
        (Axis("", 0, 8.24), [0, 2, 4, 6, 8]),
        (Axis("", 1, 3, whole=True), [1, 2, 3]),
        (Axis("", 1, 11, whole=True), [2, 4, 6, 8, 10]),
        (Axis("", 5, 5), [5]),
    ],
)
def test_ticks_are_few_and_round(axis, ticks):
    assert axis.ticks() == ticks


def test_bars_have_the_length_of_their_value():
    root = ElementTree.fromstring(str(bar(50, (40, 200), 100, "red", width=204)))
    (rectangle,) = root.iter("rect")
    assert rectangle.get("width") == "100.0"
    (whisker,) = root.iter("path")
    assert whisker.get("d").startswith("M80.0 10H200.0")
    (rectangle,) = ElementTree.fromstring(str(signed_bar(-5, 10, width=102))).iter("rect")
    assert (rectangle.get("x"), rectangle.get("width")) == ("26.0", "25.0")
    assert not list(ElementTree.fromstring(str(bar(50, None, 100, "red"))).iter("path"))
