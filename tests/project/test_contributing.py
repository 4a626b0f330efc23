"""Each worked example of CONTRIBUTING.md, applied to a copy of the repository and run there."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.pipeline.clone import make_clone

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "CONTRIBUTING.md").read_text()
SECTIONS = dict(re.findall(r"^## (Add .*?)\n(.*?)(?=^## |\Z)", TEXT, re.M | re.S))
EXAMPLES = [name for name, text in SECTIONS.items() if "```diff" in text]


def test_there_is_an_example_of_each_kind() -> None:
    kinds = ["loss", "proposal method", "stage", "reader", "backbone"]
    assert list(SECTIONS) == EXAMPLES == [f"Add a {kind}" for kind in kinds]


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_example_works_as_it_stands(name: str, tmp_path: Path) -> None:
    change, check = (_block(kind, SECTIONS[name]) for kind in ("diff", "python"))
    clone = make_clone(tmp_path / "project")
    subprocess.run(["git", "apply", "-"], cwd=clone.root, input=change, text=True, check=True)
    (clone.root / "check.py").write_text(check)
    clone.run(sys.executable, "-c", "exec(open('check.py').read())")
    if name == "Add a stage":
        assert (clone.root / "reports/labels.json").is_file()


def test_every_file_that_is_named_is_there() -> None:
    named = set(re.findall(r"`((?:wsdkd|stages|tests)/[\w/]+\.py)`", TEXT))
    assert len(named) > 8
    assert [name for name in sorted(named) if not (ROOT / name).is_file()] == []


def _block(kind: str, text: str) -> str:
    found = re.search(rf"^```{kind}\n(.*?)^```$", text, re.M | re.S)
    assert found is not None
    return found[1]
