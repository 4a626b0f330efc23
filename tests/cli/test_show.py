"""``wsdkd show`` on a report that the evaluation's own functions made."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from typer.testing import CliRunner

from tests.evaluation.small_report import STRENGTHS, small_report
from wsdkd.cli.show import app
from wsdkd.evaluation.files import write_report
from wsdkd.ground.errors import UserError

Run = Callable[[dict[str, Any] | str], Result]


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    path = tmp_path_factory.mktemp("report") / "metrics.json"
    write_report(path, small_report())
    read: dict[str, Any] = json.loads(path.read_text())
    return read


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setenv("COLUMNS", "100")

    def call(metrics: dict[str, Any] | str) -> Result:
        text = metrics if isinstance(metrics, str) else json.dumps(metrics)
        (tmp_path / "metrics.json").write_text(text, encoding="utf-8")
        return CliRunner().invoke(app, ["--reports", str(tmp_path)])

    return call


def test_prints_the_table_and_names_the_files(run: Run, tmp_path: Path, report: dict[str, Any]) -> None:
    (tmp_path / "pictures").mkdir()
    (tmp_path / "pictures" / "gain_per_class.png").touch()
    (tmp_path / "report.html").touch()
    answer = run(report)
    assert answer.exit_code == 0, answer.exception
    low, high = report["gain_mAP_interval"]
    for expected in (
        "80 test images, 5 classes, percent",
        f"gain of distillation: {report['gain_mAP']:+.2f} points of mAP; 95% interval over test images "
        f"{low:+.2f} to {high:+.2f}",
        f"gap recovered: {report['gap_recovered']:.2f} of the teacher's lead",
        # One object of two is detected, half covered by its best region and by its proposal.
        "teacher's localisation: AP50 50.0 %, COCO AP 50.0 %, CorLoc 100.0 %",
        "recall of the proposals: 100.0 % at IoU 0.5, 50.0 % at IoU 0.7",
        "the baseline learned from labels alone",
        "protocol: AP non-interpolated, test images without labels: keep",
        "report.html                  all of it as a page, without internet, which dvc plots show needs",
        f"{report['cost']['teacher']['multiply_adds'] / 1e9:.3f} G",
        f"cost on {report['cost']['device']}, batches of 8, proposals not counted\n",
    ):
        assert expected in answer.stdout
    rows = [line.split() for line in answer.stdout.splitlines() if line.strip()]
    names = ("CP", "CR", "CF1", "OP", "OR", "OF1")
    for label, prefix in ((["above", "0.5"], ""), (["top", "3"], "top3_")):
        (place,) = (place for place, row in enumerate(rows) if row[:2] == label)
        rows[place] = rows[place][2:]
        for row, network in zip(rows[place : place + 3], ("baseline", "teacher", "student"), strict=True):
            figures = [report[network]["mAP"]] if prefix == "" else []
            figures += [report[network][prefix + name] for name in names]
            assert row == [network, *(f"{figure:.1f}" for figure in figures)]
    assert str(tmp_path / "pictures" / "gain_per_class.png") in answer.stdout
    assert "precision_recall.png" not in answer.stdout


def test_says_what_is_absent_and_why(run: Run) -> None:
    # A teacher that does not lead, on a dataset without boxes.
    answer = run(
        small_report({**STRENGTHS, "baseline": 0.5, "teacher": 0.0}, boxes=False)
        | {"classes_without_positives": ["yak"]}
    )
    assert answer.exit_code == 0, answer.exception
    said = " ".join(answer.stdout.split())  # lines are broken where the terminal ends
    assert "AP50, COCO_AP and recall of proposals: absent, no test image has annotated boxes" in said
    assert "CorLoc: absent, no training image has annotated boxes" in said
    assert "gap recovered: none, the teacher does not lead the baseline (by -" in said
    assert "no test image has them: yak" in said
    assert "localisation" not in said
    assert "nan" not in said


def test_says_how_many_images_without_labels_taught_the_student(run: Run, report: dict[str, Any]) -> None:
    assert "also learned from" not in run(report).stdout
    counts = report["counts"] | {"unlabelled_images": 41}
    said = " ".join(run(report | {"counts": counts}).stdout.split())
    assert "the student also learned from 41 images without labels" in said


@pytest.mark.parametrize("content", ["{", "[]", "{}", "[" * 100_000, "network without figures", "\0"])
def test_refuses_what_is_no_report(run: Run, tmp_path: Path, content: str, report: dict[str, Any]) -> None:
    answer = run({**report, "baseline": 3} if content == "network without figures" else content)
    assert isinstance(answer.exception, UserError)
    assert str(answer.exception).startswith(f"{tmp_path / 'metrics.json'}: not ")
    assert "\n" not in str(answer.exception)


def test_writes_the_page_with_what_differs_from_run_to_run(
    tmp_path: Path, report: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[str] = []
    monkeypatch.setattr("webbrowser.open", opened.append)
    reports = tmp_path / "reports"
    reports.mkdir()
    (tmp_path / "params.yaml").write_text("evaluation: {threshold: 0.4}\n", encoding="utf-8")
    (reports / "metrics.json").write_text(json.dumps(report), encoding="utf-8")
    answer = CliRunner().invoke(app, ["--reports", str(reports), "--html"])
    assert isinstance(answer.exception, UserError)
    assert "no page of the results yet, run: dvc repro evaluate" in str(answer.exception)
    (reports / "report.html").write_text(
        '<span data-run="speed-student">–</span><div data-run="machine"></div>'
    )
    answer = CliRunner().invoke(app, ["--reports", str(reports), "--html"])
    assert answer.stdout == f"{reports / 'shown.html'}: the report\n"
    page = (reports / "shown.html").read_text(encoding="utf-8")
    assert f">{report['cost']['student']['images_per_second']:.1f}</span>" in page
    assert "evaluation: {threshold: 0.4}" in page
    assert opened == []
    answer = CliRunner().invoke(app, ["--reports", str(reports), "--open", "--to", str(tmp_path / "a.html")])
    assert answer.stdout == f"{tmp_path / 'a.html'}: the report; no browser was found to open it\n"
    assert opened == [(tmp_path / "a.html").as_uri()]
    assert (tmp_path / "a.html").read_text(encoding="utf-8") == page


def test_fits_a_terminal_of_80_columns(
    run: Run, report: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    chosen = {f"chosen_{name}": 1.0 for name in ("CP", "CR", "CF1", "OP", "OR", "OF1")}
    lines = run(report | {"student": report["student"] | chosen}).stdout.splitlines()
    (row,) = (line for line in lines if "own thresholds" in line)
    assert row.split()[2:] == ["student"] + 6 * ["1.0"]
    # A long sentence goes on below its own beginning.
    (place,) = (place for place, line in enumerate(lines) if line.startswith("  gain of distillation"))
    assert lines[place + 1].startswith("  ")
    assert lines[place + 1].strip()


@pytest.mark.parametrize("words", [[], ["regions"]])
def test_says_where_there_is_no_project(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: list[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    answer = CliRunner().invoke(app, words)
    assert isinstance(answer.exception, UserError)
    assert "not a project's folder: there is no dvc.yaml" in str(answer.exception)


def test_says_when_there_are_no_results_yet(tmp_path: Path) -> None:
    answer = CliRunner().invoke(app, ["--reports", str(tmp_path)])
    assert isinstance(answer.exception, UserError)
    assert "no results yet, run: dvc repro" in str(answer.exception)
