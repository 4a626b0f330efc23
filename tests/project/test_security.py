"""The page on security names tests that exist, and versions that are installed."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/security.md").read_text(encoding="utf-8")


def _named() -> list[tuple[str, str]]:
    """File and test of each claim; ``::test`` alone is of the file before it."""
    found, file = [], ""
    for words in re.findall(r"`([\w/]*\.py)?(?:::(test_\w+))?`", PAGE):
        file = words[0] or file
        if file.rpartition("/")[2].startswith("test_") and any(words):
            found.append((file, words[1]))
    return found


def test_the_page_names_tests() -> None:
    assert len(_named()) > 25


@pytest.mark.parametrize(("file", "test"), _named())
def test_each_test_that_is_named_exists(file: str, test: str) -> None:
    assert f"def {test}" in (ROOT / "tests" / file).read_text(encoding="utf-8")


def test_versions_are_those_of_the_locks() -> None:
    locks = "".join(path.read_text(encoding="utf-8") for path in ROOT.glob("requirements*.lock"))
    listed = re.findall(r"^\| ([\w-]+) \| (\d[\d.]*) \| [^|]+ \|$", PAGE, re.MULTILINE)
    assert len(listed) > 15
    assert [f"{name}=={version}" for name, version in listed if f"{name}=={version}\n" not in locks] == []
