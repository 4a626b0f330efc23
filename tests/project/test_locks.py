"""The pinned packages suit the oldest Python that the README promises."""

import re
from importlib.metadata import PackageNotFoundError, metadata
from pathlib import Path

import pytest
from packaging.specifiers import SpecifierSet

LOCKS = sorted(Path().glob("requirements*.lock"))
OLDEST = "3.11.0"


@pytest.mark.parametrize("lock", LOCKS, ids=lambda path: path.name)
def test_every_pinned_package_installs_on_the_oldest_python(lock: Path) -> None:
    assert f"Python {OLDEST.rpartition('.')[0]} to " in Path("README.md").read_text(encoding="utf-8")
    pinned = re.findall(r"^([\w.-]+)==([^\s;]+)", lock.read_text(encoding="utf-8"), re.MULTILINE)
    refusing, seen = [], 0
    for name, version in pinned:
        try:
            about = metadata(name)
        except PackageNotFoundError:  # of another platform
            continue
        wanted = about.get("Requires-Python", "")
        seen += about["Version"] == version
        if OLDEST not in SpecifierSet(wanted):
            refusing.append(f"{name} {version} wants Python {wanted}")
    assert not refusing
    assert seen > len(pinned) / 2
