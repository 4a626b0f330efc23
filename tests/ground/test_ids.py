"""Places of texts, against a dictionary."""

import pytest

from wsdkd.ground.ids import IdIndex


def test_places_are_a_dictionarys() -> None:
    ids = [f"{number * 7919 % 1000:04d}.jpg" for number in range(1000)]
    index, expected = IdIndex(ids), {text: place for place, text in enumerate(ids)}
    assert {text: index.place(text) for text in ids} == expected
    assert len(index) == 1000
    assert "0001.jpg" in index


@pytest.mark.parametrize("ids", [[], ["a"], ["a", "b"]])
def test_what_is_not_there_is_missing(ids: list[str]) -> None:
    index = IdIndex(ids)
    assert "c" not in index
    with pytest.raises(KeyError, match="c"):
        index.place("c")


def test_of_a_text_that_stands_there_twice_the_last_counts() -> None:
    assert IdIndex(["a", "b", "a"]).place("a") == 2
    assert IdIndex(["a", "b", "a", "b"]).repeated() == 2
    assert IdIndex(["a", "b", "c"]).repeated() is None


def test_names_of_files_that_are_no_utf8_are_told_apart() -> None:
    ids = ["\udcff.jpg", "\udcfe.jpg"]
    assert [IdIndex(ids).place(text) for text in ids] == [0, 1]
