"""``data/`` is there in a fresh clone, with a page that says what will lie in it."""

from pathlib import Path

import pytest
from ruamel.yaml import YAML

from tests.pipeline.clone import Clone, git

ROOT = Path(__file__).parents[2]
PAGE = "data/README.md"
STAGES = YAML(typ="safe", pure=True).load((ROOT / "dvc.yaml").read_text())["stages"].values()


def _listed(kind: str) -> list[str]:
    entries = [entry for stage in STAGES for entry in stage.get("do", stage).get(kind, [])]
    return [next(iter(entry)) if isinstance(entry, dict) else entry for entry in entries]


def test_git_keeps_the_page_and_nothing_else_in_the_folder(tmp_path: Path) -> None:
    (tmp_path / ".gitignore").write_bytes((ROOT / ".gitignore").read_bytes())
    for name in (PAGE, "data/prepared/images.parquet", "data/scenes/1.jpg", "data/.resume/propose.lock"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    git(tmp_path, "init", "--quiet")
    git(tmp_path, "add", ".")
    assert git(tmp_path, "ls-files", "data").split() == [PAGE]
    assert PAGE in git(ROOT, "ls-files", "data").split()


@pytest.mark.parametrize("out", [out for out in _listed("outs") if out.startswith("data/")])
def test_the_page_names_what_stages_write(out: str) -> None:
    name = out.replace("${item}", "scenes").removeprefix("data/")
    page = (ROOT / PAGE).read_text()
    assert f"| `{name}` |" in page or f"| `{name}/` |" in page


def test_no_stage_depends_on_the_page() -> None:
    assert not {"data", "data/", PAGE} & set(_listed("deps"))


def test_dvc_writes_nothing_into_git_there(smoke: Clone) -> None:
    """Where Git did not ignore an output already, DVC would write a ``.gitignore`` beside it."""
    assert smoke.git("status", "--porcelain", "--", "data") == ""
