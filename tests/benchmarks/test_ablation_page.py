"""Pages say what the raw results say."""

from pathlib import Path

import pytest

from benchmarks.ablation.page import PAGES, PART, RESULTS, with_results
from wsdkd.errors import UserError

PROJECT = Path(__file__).parents[2]


@pytest.mark.parametrize("page", [page.name for page in PAGES])
def test_every_generated_part_is_what_the_raw_results_give(page: str) -> None:
    path = next(PROJECT / each for each in PAGES if each.name == page)
    text = path.read_text(encoding="utf-8")
    assert PART.search(text), "no generated part: its figures would come from nowhere"
    assert with_results(text, PROJECT / RESULTS) == text, "run: python -m benchmarks.ablation.page"


def test_another_figure_is_noticed(tmp_path: Path) -> None:
    source = PROJECT / RESULTS / "scenes.csv"
    changed = source.read_text(encoding="utf-8").replace("baseline,0,", "baseline,0,9", 1)
    (tmp_path / "scenes.csv").write_text(changed, encoding="utf-8")
    (tmp_path / "scenes.json").write_bytes(source.with_suffix(".json").read_bytes())
    text = (PROJECT / "README.md").read_text(encoding="utf-8")
    part = "<!-- table of scenes -->\n<!-- end -->"
    assert with_results(part, PROJECT / RESULTS) != with_results(part, tmp_path)
    assert "<!-- brief of scenes -->" in text


def test_raw_results_are_small_and_say_how_they_came_about() -> None:
    files = sorted((PROJECT / RESULTS).glob("*.csv"))
    assert files
    for file in files:
        assert file.stat().st_size < 20_000
        for told in ("command", "date", "machine", "versions"):
            assert told in file.with_suffix(".json").read_text(encoding="utf-8")


def test_a_part_without_results_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"nothing\.csv: no such file"):
        with_results("<!-- table of nothing -->\n<!-- end -->", tmp_path)
    with pytest.raises(UserError, match="unknown; allowed: table"):
        with_results("<!-- figure of scenes -->\n<!-- end -->", tmp_path)
