"""Cells of labels, with ``repr``, ``json.dumps`` and NumPy's own printing as the truth for lists."""

import json
from typing import Any

import numpy as np
import pytest

from wsdkd.datasets.labels.texts import NOTHING, read_label_cells
from wsdkd.datasets.labels.words import Labels
from wsdkd.datasets.reading.rejections import DatasetError

NAMES = ["clouds", "water's edge", 'say "hi"', "sea, deep", "ü"]


def read(cells: list[Any], separator: str | None = "auto", **options: Any) -> list[Labels | str]:
    return read_label_cells(cells, separator, source="t.csv: column 'labels'", **options)[0]


def names(cells: list[Any], separator: str | None = "auto", **options: Any) -> list[tuple[str, ...]]:
    found = read(cells, separator, **options)
    assert all(isinstance(labels, Labels) for labels in found), found
    return [labels.present for labels in found if isinstance(labels, Labels)]


def notes(cells: list[Any], separator: str | None = "auto", **options: Any) -> str:
    return "; ".join(read_label_cells(cells, separator, source="t", **options)[1])


@pytest.mark.parametrize("count", range(6))
def test_the_text_of_a_list_is_the_list(count: int) -> None:
    some = NAMES[:count]
    texts = [
        repr(some),
        json.dumps(some),
        str(tuple(some)),
        f" {some!r} ",
        json.dumps(some, ensure_ascii=False),
    ]
    if some:
        texts += [str(np.array(some)), str(np.array(some, dtype=object))]
    for text in texts:
        assert names([text]) == [tuple(some)], text
        assert names([text], ",") == [tuple(some)], text


def test_sets_numbers_and_lists_without_quotes_are_lists_too() -> None:
    assert names(["{'b', 'a'}", "[3 10]", "[0, 7]"]) == [("a", "b"), ("3", "10"), ("0", "7")]
    assert names(["[cat, dog]", "{cat,dog}", "[]"]) == [("cat", "dog"), ("cat", "dog"), ()]
    assert names(["(other)", "(very) old"]) == [("(other)",), ("(very) old",)]


@pytest.mark.parametrize(
    "text", ["['a', ['b']]", "[None]", "[__import__('os')]", "['a', 1.5]", "[''] ", "[" * 300 + "]"]
)
def test_a_list_of_other_things_is_listed_with_the_reason(text: str) -> None:
    (found,) = read([text])
    assert isinstance(found, str)
    assert found.startswith("labels ")


def test_a_dictionary_says_of_each_class_whether_it_is_there() -> None:
    told = {"cat": 1, "dog": 0, "cow": None, "-x": True}
    expected = Labels(("cat", "-x"), ("dog",), ("cow",))
    assert read([told, json.dumps(told), repr(told)]) == [expected] * 3


@pytest.mark.parametrize(
    ("cells", "expected", "note"),
    [
        (["cat;dog", "dog", ""], [("cat", "dog"), ("dog",), ()], "separated by semicolons"),
        (["cat|dog, wild;", "dog, wild"], None, ""),
        (["cat| dog |", "sea"], [("cat", "dog"), ("sea",)], "separated by '|'"),
        (["cat,dog", "dog,sea", "sea"], [("cat", "dog"), ("dog", "sea"), ("sea",)], "separated by commas"),
        (["polar bear", "cat"], [("polar bear",), ("cat",)], "names with blanks, such as 'polar bear'"),
        (["cat", "dog"], [("cat",), ("dog",)], ""),
    ],
)
def test_what_separates_the_names_is_seen(
    cells: list[str], expected: list[tuple[str, ...]] | None, note: str
) -> None:
    if expected is None:
        with pytest.raises(DatasetError, match=r"separated by ';' or by '\|', .* dataset.separator"):
            read(cells)
        return
    assert names(cells) == expected
    assert note in notes(cells)


def test_commas_that_may_belong_to_names_are_not_guessed() -> None:
    cells = ["tench, Tinca tinca", "goldfish, Carassius auratus", "tabby"]
    with pytest.raises(
        DatasetError, match=r"column 'labels': commas separate labels or stand in their names"
    ):
        read(cells)
    assert names(cells, None) == [(cell,) for cell in cells]
    assert names(cells, ",")[0] == ("tench", "Tinca tinca")


def test_a_blank_stands_for_runs_of_them() -> None:
    assert names(["clear  primary\twater", " haze "], " ") == [("clear", "primary", "water"), ("haze",)]


def test_one_name_in_two_spellings_of_unicode_is_one_class() -> None:
    assert names(["cafe\u0301", "caf\u00e9\u00a0"]) == [("café",), ("café",)]


def test_marks_are_read_where_the_name_is_a_label_too() -> None:
    cells = ["cat;-dog", "cat;?dog", "dog"]
    expected = [Labels(("cat",), ("dog",)), Labels(("cat",), (), ("dog",)), Labels(("dog",))]
    assert read(cells, marks=None) == expected
    assert "names after - are absent, after ? uncertain" in notes(cells, marks=None)
    assert names(cells, marks=False)[0] == ("cat", "-dog")
    odd = ["cat;-dog", "-x"]
    assert names(odd, marks=None) == [("cat", "-dog"), ("-x",)]
    assert "'-dog' is taken as a name" in notes(odd, marks=None)
    assert read(odd, marks=True) == [Labels(("cat",), ("dog",)), Labels((), ("x",))]


def test_numbers_are_classes_by_the_schema_or_places_among_them() -> None:
    assert names([[0, 2], [1]], numbered=("a", "b", "c")) == [("a", "c"), ("b",)]
    assert read([[3]], numbered=("a", "b", "c")) == ["label '3' is no number from 0 to 2"]
    assert names([[0, 3], 1], classes=("a", "b", "c", "d")) == [("a", "d"), ("b",)]
    assert "numbers are places in dataset.classes: 0 is 'a'" in notes([[0]], classes=("a",))
    assert names([[0, 3]], classes=("0", "3")) == [("0", "3")]
    assert names([[0, 3], 2.0]) == [("0", "3"), ("2",)]


@pytest.mark.parametrize(
    ("cell", "reason"),
    [
        (None, "no labels (null); an image of none of the classes has empty ones"),
        (float("nan"), "no labels (null); an image of none of the classes has empty ones"),
        ("cat;;cat", "labels ['cat', '', 'cat'] are not names"),
        (["cat", None], "labels ['cat', None] are not names"),
        ([b"\xff\xd8\xff"], "labels bytes of a file are not names"),
        ({"cat": 7}, "labels {'cat': 7} are not names with 1 or 0"),
        (True, "labels True are not names"),
    ],
)
def test_a_cell_without_names_gives_a_reason(cell: Any, reason: str) -> None:
    assert read([cell], ";") == [reason]


@pytest.mark.parametrize(
    "cells",
    [
        [[0, 1, 1], [0, 0, 1], [0, 0, 0]],
        [[0.0, 1.0, 1.0], [0.0, 0.0, 1.0], [False, False, False]],
        ["[0, 1, 1]", "[0 0 1]", "[0., 0., 0.]"],
        ["0 1 1", "0 0 1", "0 0 0"],
        ["0,1,1", "0,0,1", "0,0,0"],
    ],
)
def test_vectors_of_ones_and_zeros_are_a_class_each(cells: list[Any]) -> None:
    names = ("sea", "sky", "sand")
    labels, notes = read_label_cells([*cells, None], "auto", classes=names, source="x")
    assert [each.present for each in labels[:3]] == [("sky", "sand"), ("sand",), ()]
    assert labels[3] == NOTHING
    assert notes == ["a 1 or a 0 for each of the 3 classes in order, the first for 'sea'"]
    assert read_label_cells(cells, "auto", numbered=names, source="x")[0] == labels[:3]
    with pytest.raises(
        DatasetError, match=r"x: its cells are 3 numbers.*nothing names the classes.*dataset.classes"
    ):
        read_label_cells(cells, "auto", source="x")
    with pytest.raises(DatasetError, match=r"dataset.classes has 2 names"):
        read_label_cells(cells, "auto", classes=names[:2], source="x")


def test_numbers_of_classes_are_no_vectors() -> None:
    labels, _ = read_label_cells([[0, 1], [1, 0], [1]], "auto", numbered=("sea", "sky"), source="x")
    assert [each.present for each in labels] == [("sea", "sky"), ("sky", "sea"), ("sky",)]


@pytest.mark.parametrize(
    ("cells", "found"),
    [
        (
            ["cat dog", "dog cow", "cat", "dog", "cow"],
            [("cat", "dog"), ("dog", "cow"), ("cat",), ("dog",), ("cow",)],
        ),
        (["0 17", "3", "17 3"], [("0", "17"), ("3",), ("17", "3")]),
        (["fire truck", "fire", "truck"], [("fire truck",), ("fire",), ("truck",)]),
        (["traffic light", "stop sign", "car"], [("traffic light",), ("stop sign",), ("car",)]),
    ],
)
def test_blanks_separate_labels_where_each_word_is_one(
    cells: list[str], found: list[tuple[str, ...]]
) -> None:
    assert [each.present for each in read_label_cells(cells, "auto", source="x")[0]] == found


def test_an_object_holds_labels_or_says_yes_or_no_of_each() -> None:
    assert names([{"category": ["a", "b", "a"], "bbox": [[0, 1]]}, {"name": "a"}, {"name": " "}]) == [
        ("a", "b"),
        ("a",),
        (),
    ]
    assert names([{"labels": {"a": True, "b": False}, "width": 7}]) == [("a",)]
    assert names([{"class": "yes", "tag": "no"}]) == [("class",)]
