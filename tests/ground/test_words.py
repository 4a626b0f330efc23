"""Numbers in sentences."""

import pytest

from wsdkd.ground.words import counted


@pytest.mark.parametrize(
    ("number", "noun", "said"),
    [
        (0, "file", "0 files"),
        (1, "file", "1 file"),
        (1200, "file", "1,200 files"),
        (1, "class", "1 class"),
        (2, "class", "2 classes"),
        (3, "box", "3 boxes"),
    ],
)
def test_one_of_something_has_no_s(number: int, noun: str, said: str) -> None:
    assert counted(number, noun) == said
