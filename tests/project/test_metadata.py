"""What the project says of itself in several places is the same in all of them."""

import hashlib
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

ROOT = Path(__file__).parents[2]
SETTINGS: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())
PROJECT: dict[str, Any] = SETTINGS["project"]
# Of https://www.apache.org/licenses/LICENSE-2.0.txt, which begins with an empty line.
APACHE = "cfc7749b96f63bd31c3c42b5c471bf756814053e847c10f3eb003417bc523d30"


@pytest.fixture(scope="module")
def citation() -> dict[str, Any]:
    cited: dict[str, Any] = YAML(typ="safe", pure=True).load((ROOT / "CITATION.cff").read_text())
    return cited


def test_the_newest_change_is_of_this_version(citation: dict[str, Any]) -> None:
    version, day = re.findall(r"^## (\d+\.\d+\.\d+) - (\d{4}-\d\d-\d\d)$", _read("CHANGELOG.md"), re.M)[0]
    assert version == PROJECT["version"] == citation["version"]
    assert day == citation["date-released"].isoformat()


def test_the_licence_is_the_standard_text_and_named_everywhere(citation: dict[str, Any]) -> None:
    assert hashlib.sha256((ROOT / "LICENSE").read_bytes()).hexdigest() == APACHE
    assert PROJECT["license"] == citation["license"] == "Apache-2.0"
    assert PROJECT["license-files"] == ["LICENSE"]


def test_the_citation_has_what_its_format_asks_for(citation: dict[str, Any]) -> None:
    """Citation File Format 1.2.0: the required keys of the file and of a reference."""
    assert {"cff-version", "message", "title", "authors"} <= citation.keys()
    assert citation["cff-version"] == "1.2.0"
    (paper,) = citation["references"]
    assert {"type", "title", "authors"} <= paper.keys()
    assert paper["type"] == "conference-paper"


def test_the_paper_is_cited_as_the_readme_names_it(citation: dict[str, Any]) -> None:
    paper = citation["references"][0]
    readme = " ".join(_read("README.md").split())
    assert paper["title"] in readme
    assert paper["url"] in readme
    assert PROJECT["urls"]["Paper"] == paper["url"]
    assert paper["repository-code"] in PROJECT["urls"].values()


def test_the_readme_lists_every_room_in_the_order_of_imports() -> None:
    contracts = SETTINGS["tool"]["importlinter"]["contracts"]
    layers = next(each["layers"] for each in contracts if each["id"] == "downward")
    listed = re.findall(r"^wsdkd/(\w+)(?:\.py)? ", _read("README.md"), re.M)
    assert listed == [layer for layer in reversed(layers) if layer != "__main__"]


def _read(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")
