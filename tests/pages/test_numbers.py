"""Numbers as pages print them."""

import pytest

from wsdkd.pages import numbers


@pytest.mark.parametrize("write", [numbers.decimals, numbers.signed, numbers.thousands, numbers.short])
@pytest.mark.parametrize("value", [None, float("nan"), float("inf")])
def test_what_is_unknown_is_a_dash(write, value):
    assert write(value) == "–"


def test_signs_and_decimals():
    assert numbers.decimals(62.949) == "62.9"
    assert [numbers.signed(value) for value in (7.06, -0.44, 0.0)] == ["+7.1", "−0.4", "+0.0"]
    assert numbers.thousands(12345) == "12,345"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (7, "7"),
        (999, "999"),
        (999.6, "1 k"),
        (1240, "1.24 k"),
        (388e6, "388 M"),
        (12.34e9, "12.3 G"),
    ],
)
def test_large_numbers(value, text):
    assert numbers.short(value) == text
