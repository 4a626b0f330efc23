"""The same inputs give the same cache, as long as its version of outputs is the same."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.cache.writing import golden
from wsdkd.cache.format import OUTPUTS_VERSION

CHANGED = (
    "what a cache holds has changed, and caches of before must be told from those of now: raise "
    "OUTPUTS_VERSION in wsdkd/cache/format.py, and then run python -m tests.cache.writing.golden"
)
HALF = 2**-10
"""A rounding of half precision: the libraries' last bits differ from one processor to another."""


def test_what_is_stored_is_of_this_version() -> None:
    assert golden.stored()["outputs_version"] == OUTPUTS_VERSION, "run python -m tests.cache.writing.golden"


def test_a_teacher_says_of_pictures_what_it_said(tmp_path: Path) -> None:
    expected, found = golden.stored()["pictures"], golden.of_pictures(tmp_path)
    assert list(found) == list(expected)
    for view, values in expected.items():
        for name, value in values.items():
            precision = {"rtol": HALF, "atol": HALF * float(np.abs(value).max())}
            np.testing.assert_allclose(found[view][name], value, **precision, err_msg=f"{view}: {CHANGED}")
            if name == "chosen":
                assert found[view][name] == value, CHANGED


@pytest.mark.parametrize("place", range(len(golden.SETTINGS)), ids=lambda place: str(golden.SETTINGS[place]))
def test_outputs_become_the_bytes_that_they_became(tmp_path: Path, place: int) -> None:
    settings: dict[str, Any] = golden.SETTINGS[place]
    expected, found = golden.stored()["outputs"][place], golden.of_outputs(tmp_path, **settings)
    np.testing.assert_allclose(
        found.pop("confidence"), expected.pop("confidence"), rtol=1e-5, err_msg=CHANGED
    )
    assert found == expected, CHANGED
