"""``wsdkd data``: what prepare has found, once more and as a page."""

import re
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from tests.datasets.checks.test_alike import SPLITS, write
from wsdkd.cli.main import app
from wsdkd.datasets.on_disk import write_prepared
from wsdkd.datasets.params import TableDataset
from wsdkd.ground.errors import UserError


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A project with a prepared table; what preparing it said."""
    monkeypatch.chdir(tmp_path)
    root = tmp_path / "photographs"
    root.mkdir()
    write(root, {**SPLITS, "gone.jpg": "train", "<b>&.jpg": "train"})
    (root / "gone.jpg").unlink()
    params = TableDataset(format="table", root=str(root), max_rejected=1)
    (tmp_path / "dvc.yaml").write_text("stages: {}\n", encoding="utf-8")
    (tmp_path / "params.yaml").write_text(f"dataset: {{format: table, root: '{root}'}}\n", encoding="utf-8")
    said: list[str] = []
    write_prepared(root, params, Path("data/prepared"), said.append)
    Path("reports").mkdir()
    return said


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["data", *arguments], catch_exceptions=False)


def test_it_says_what_prepare_said_and_writes_a_page_with_pictures(project: list[str]) -> None:
    result = run()
    assert result.output.splitlines()[:-1] == project
    assert result.output.splitlines()[-1] == "reports/data.html: the same with 7 pictures"
    text = Path("reports/data.html").read_text(encoding="utf-8")
    for words in ("cat", "dog", "looks like small.jpg in split test", "the file is missing", "gone.jpg: "):
        assert words in text
    assert not re.search(r"""(src|href)=["'](?!data:|#)""", text)
    assert "<b>&.jpg" not in text
    assert "&lt;b&gt;&amp;.jpg" in text
    first = Path("reports/data.html").read_bytes()
    run()
    assert Path("reports/data.html").read_bytes() == first


def test_without_a_page_it_writes_nothing(project: list[str]) -> None:
    assert run("--no-page").output.splitlines() == project
    assert list(Path("reports").iterdir()) == []


@pytest.mark.usefixtures("project")
def test_a_photograph_that_is_gone_since_is_said_on_the_page() -> None:
    Path("photographs/b.jpg").unlink()
    assert run().output.endswith("the same with 6 pictures\n")
    assert "not readable any more" in Path("reports/data.html").read_text(encoding="utf-8")


@pytest.mark.usefixtures("project")
def test_where_prepare_refused_its_doubts_are_shown_all_the_same() -> None:
    Path("data/prepared/images.parquet").unlink()
    assert run().output.endswith("reports/data.html: the same with 0 pictures\n")
    assert "the file is missing" in Path("reports/data.html").read_text(encoding="utf-8")


def test_where_nothing_is_prepared_it_says_what_to_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "dvc.yaml").write_text("stages: {}\n", encoding="utf-8")
    with pytest.raises(UserError, match=r"^data/prepared/audit.json: no such file; .* dvc repro prepare$"):
        run()
    with pytest.raises(UserError, match=r"--to x.png: expected a name that ends in .html"):
        run("--to", "x.png")
