"""What the report's page says and shows, of made-up scores and drawn pictures, and what is added later."""

import re
from collections.abc import Sequence
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from tests.datasets.audit.test_summary import GOOD
from tests.evaluation.small_report import CLASSES, STRENGTHS, scores, small_report, small_student, truth
from wsdkd.average_precision import average_precisions
from wsdkd.data.tables import ImageRow
from wsdkd.datasets.audit.count import facts_of
from wsdkd.datasets.audit.facts import Facts
from wsdkd.datasets.prepare import Prepared
from wsdkd.datasets.reading.rejections import Cause, Rejection
from wsdkd.evaluation.files import class_rows
from wsdkd.evaluation.page import pictures
from wsdkd.evaluation.page.content import Evidence, Figures, report_content, write_report_page
from wsdkd.evaluation.page.shown import Beside, with_run
from wsdkd.evaluation.params import NETWORKS, EvaluationParams
from wsdkd.evaluation.ranking import RECALLS, mean_precision_at_recall
from wsdkd.evaluation.students import MOST_CELLS, students_said

STRANGE = "<img src=http://a.example/x onerror=alert(1)>"
NAMES = [STRANGE, *CLASSES[1:]]
IMAGES = 80


def _region(_place: int, label: int) -> np.ndarray:
    return np.array([label, 3.0, label + 20, 23])


def _evidence(folder: Path) -> Evidence:
    known = truth(IMAGES)
    said = {name: scores(STRENGTHS[name], known.labels, seed) for seed, name in enumerate(NETWORKS, start=1)}
    rows = []
    for number in range(IMAGES):
        picture = np.full((30, 60, 3), 3 * number, np.uint8)
        picture[:, : 10 + number % 40, 0] = 255
        Image.fromarray(picture).save(folder / f"{number}.png")
        labels = tuple(np.flatnonzero(known.labels[number]).tolist())
        rows.append(ImageRow(f"i{number}", f"{number}.png", 60, 30, "test", labels, (), str(number)))
    return Evidence(
        names=NAMES,
        rows=rows,
        root=folder,
        truth=known,
        scores=said,
        given={name: each > 0.5 for name, each in said.items()},
        thresholds=np.full(5, 0.5),
        region=_region,
        students={"baseline": small_student(), "student": small_student()},
    )


def _figures(evidence: Evidence) -> Figures:
    report = small_report()
    labels, known = evidence.truth.labels, evidence.truth.known
    precisions = {name: average_precisions(evidence.scores[name], labels, known) for name in NETWORKS}
    curves = {name: mean_precision_at_recall(evidence.scores[name], labels, known) for name in NETWORKS}
    one = np.arange(3.0)
    overfitting = {"train/labels": (one, np.array([8.0, 5, 1])), "val/labels": (one, np.array([7.0, 6, 9]))}
    return Figures(
        accuracy=report,
        cost=report["cost"],
        classes=class_rows(NAMES, np.arange(5), labels.sum(axis=0), precisions, None),
        precision_recall={"recall": RECALLS, **curves},
        training={"baseline": overfitting, "teacher": {"train/wsddn": (one, one + 1)}},
        audit=_facts(evidence.rows),
        parameters={"evaluation": EvaluationParams().model_dump(mode="json")},
        software={"torch": "9.8"},
    )


def _facts(rows: Sequence[ImageRow]) -> Facts:
    gone = [Rejection("image", str(n), f"{n}.png", f"gone {STRANGE}", Cause.MISSING) for n in range(2)]
    prepared = Prepared(tuple(NAMES), tuple(rows), (), tuple(gone), 0, notes=("folder: a <b>table",))
    return facts_of(replace(prepared, copies=(("i0", "i1"),)))


class Page(HTMLParser):
    """What a page holds: elements, and text outside of styles and scripts."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self._inside = "html"
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        self._inside = tag

    def handle_data(self, data: str) -> None:
        if self._inside not in ("style", "script"):
            self.text += data

    def handle_endtag(self, _tag: str) -> None:
        self._inside = "html"

    def named(self, tag: str, **wanted: str) -> list[dict[str, str | None]]:
        """Attributes of the elements of a tag that have some."""
        return [found for name, found in self.elements if name == tag and wanted.items() <= found.items()]


@pytest.fixture(scope="module")
def evidence(tmp_path_factory: pytest.TempPathFactory) -> Evidence:
    return _evidence(tmp_path_factory.mktemp("pictures"))


@pytest.fixture(scope="module")
def figures(evidence: Evidence) -> Figures:
    return _figures(evidence)


@pytest.fixture(scope="module")
def html(evidence: Evidence, figures: Figures, tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("page") / "report.html"
    write_report_page(path, report_content(figures, evidence, torch.device("cpu")))
    return path.read_text(encoding="utf-8")


def test_heat_of_kept_cells_needs_no_second_look(
    evidence: Evidence, figures: Figures, html: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = students_said(
        evidence.students,
        evidence.rows,
        evidence.root,
        batch_size=32,
        device=torch.device("cpu"),
        precision="fp32",
        most_cells=MOST_CELLS,
        description=None,
    )
    cells = {name: one.cells for name, one in said.items() if one.cells is not None}
    monkeypatch.delattr(pictures, "class_heat")
    content = report_content(figures, replace(evidence, cells=cells), torch.device("cpu"))
    write_report_page(tmp_path / "report.html", content)
    assert (tmp_path / "report.html").read_text(encoding="utf-8") == html


def test_the_result_stands_first(html: str, figures: Figures) -> None:
    text = " ".join(Page(html).text.split())
    gain = figures.accuracy["gain_mAP"]
    assert f"Distillation: +{gain:.1f} points of mAP for the student" in text
    student = figures.accuracy["student"]["mAP"]
    assert re.search(f"lifts the mAP of a plain classifier from .* to {student:.1f} on 80 test images", text)
    assert "Baseline: overfits after epoch 2. Validation loss rises from 6.00 to 9.00" in text
    assert "Teacher: no validation image was watched." in text
    assert "nan" not in re.findall(r"\w+", text)


def test_each_class_has_its_row_and_its_pictures(html: str, evidence: Evidence) -> None:
    page = Page(html)
    assert [each["href"] for each in page.named("a")] == [f"#class-{k}" for k in range(4, -1, -1)]
    assert {each.get("id") for each in page.named("details")} >= {f"class-{k}" for k in range(5)}
    given, present = evidence.given["student"], evidence.truth.labels > 0
    shown = sum(
        min(3, int(chosen[:, k].sum()))
        for k in range(5)
        for chosen in (given & present, ~given & present, given & ~present)
    )
    assert len(page.named("svg", **{"class": "seen"})) == 2 * shown  # by the baseline and by the student
    pictures = {each["id"] for each in page.named("image") if "id" in each}
    used = [each["href"].removeprefix("#") for each in page.named("use")]
    assert set(used) == pictures
    assert len(used) == 2 * shown
    # A region from (k, 3) to (k + 20, 23); the pictures are small, so that they keep their size.
    regions = {
        (each["x"], each["y"], each["width"], each["height"])
        for each in page.named("rect", **{"class": "region"})
    }
    assert regions == {(f"{k}.0", "3.0", "20.0", "20.0") for k in range(5)}
    best = int(np.where(present[:, 4] & given[:, 4], evidence.scores["student"][:, 4], -1).argmax())
    section = html[html.index('<details id="class-4"') :]
    assert section.index(f"<code>{best}.png</code>") == section.index("<code>")


def test_strange_names_stay_text_and_nothing_is_loaded(html: str) -> None:
    page = Page(html)
    assert STRANGE in page.text
    assert page.named("img") == []
    for tag, attributes in page.elements:
        for name in ("src", "href"):
            assert (attributes.get(name) or "#").startswith(("#", "data:")), tag
        assert not [name for name in attributes if name.startswith("on")]
    assert len(html) < 1_000_000


def test_equal_inputs_give_equal_bytes(
    html: str, evidence: Evidence, figures: Figures, tmp_path: Path
) -> None:
    write_report_page(tmp_path / "again.html", report_content(figures, evidence, torch.device("cpu")))
    assert (tmp_path / "again.html").read_text(encoding="utf-8") == html
    assert str(evidence.root) not in html


def test_how_labels_were_given_stands_in_the_protocol(
    evidence: Evidence, figures: Figures, tmp_path: Path
) -> None:
    points = {"student": {"thresholds": "for F1 <a class>", "of": {"not": "shown"}}}
    accuracy = {**figures.accuracy, "protocol": {**figures.accuracy["protocol"], "operating_points": points}}
    content = report_content(replace(figures, accuracy=accuracy), evidence, torch.device("cpu"))
    write_report_page(tmp_path / "points.html", content)
    text = Page((tmp_path / "points.html").read_text(encoding="utf-8")).text
    assert "student's thresholdsfor F1 <a class>" in text


def test_where_there_is_no_room_classes_go_without_pictures(
    evidence: Evidence, figures: Figures, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pictures, "ROOM", 3_000)
    content = report_content(figures, evidence, torch.device("cpu"))
    assert 0 < sum(bool(each["sights"]) for each in content["classes"]) < 5
    monkeypatch.setattr(pictures, "MOST", 10)
    content = report_content(figures, evidence, torch.device("cpu"))
    assert content["thumbnails"] == []


def test_what_differs_from_run_to_run_is_filled_in(html: str, figures: Figures) -> None:
    made = {"commit": "0" * 40, "changed": 2, "machine": "2 cores of <x>", "versions": {"torch": "9.9"}}
    beside = Beside("a: 1 # <b>", "file:///reports/data.html")
    page = with_run(html, {**figures.accuracy, "made": made}, beside)
    speed = figures.cost["teacher"]["images_per_second"]
    assert f'<span data-run="speed-teacher">{speed:.1f}</span>' in page
    # A network has a bar of its mAP, one of what it costs, and by now one of its speed.
    assert len(_bars(html)) == 6
    bars = _bars(page)
    for place, quantity in ((1, "multiply_adds"), (2, "images_per_second")):
        costs = [figures.cost[name][quantity] for name in ("student", "teacher", "student")]
        assert bars[place::3] == pytest.approx([92 * each / max(costs) for each in costs], abs=0.05)
    seen = Page(page)
    for text in (
        "0" * 40,
        "2 changed files",
        "2 cores of <x>",
        "9.9",
        "a: 1 # <b>",
    ):
        assert text in seen.text
    assert seen.named("a", href="file:///reports/data.html")
    assert with_run(html, figures.accuracy, Beside()).count("speed-teacher") == 1
    one = with_run(html, {**figures.accuracy, "made": {**made, "changed": 1}}, Beside())
    assert "and 1 changed file<" in one


def test_what_the_audit_found(html: str, evidence: Evidence, figures: Figures, tmp_path: Path) -> None:
    text = " ".join(Page(html).text.split())
    assert (
        "folder: a <b>table 80 images (0 train, 0 val, 80 test), 5 classes, 0 boxes; rejected: 2 images"
        in text
    )
    assert "5 classes without an image in split train" in text
    assert "2 images in 1 group are byte for byte the same" in text
    assert (
        f"2 × {Cause.MISSING.words} (image rejected) What to do: {Cause.MISSING.fix}. 0.png: gone {STRANGE}"
        in text
    )
    assert "teacher's cache computed with torch9.8" in text
    assert "Nothing was rejected" not in text
    assert "100 training images, 80 test images, 5 classes." in text
    good = replace(figures, audit=facts_of(GOOD))
    write_report_page(tmp_path / "good.html", report_content(good, evidence, torch.device("cpu")))
    text = " ".join(Page((tmp_path / "good.html").read_text(encoding="utf-8")).text.split())
    assert "0 images without any. Nothing was rejected, and nothing is in doubt. wsdkd data shows" in text


def _bars(html: str) -> list[float]:
    """Their lengths in pixels."""
    return [float(width) for width in re.findall(r'<rect y="4" width="([\d.]+)"', html)]


def test_a_student_that_lost_against_its_baseline_recovers_nothing(
    evidence: Evidence, figures: Figures, tmp_path: Path
) -> None:
    lost = replace(figures, accuracy={**figures.accuracy, "gap_recovered": -0.66})
    write_report_page(tmp_path / "lost.html", report_content(lost, evidence, torch.device("cpu")))
    text = " ".join(Page((tmp_path / "lost.html").read_text(encoding="utf-8")).text.split())
    assert "The student recovers nothing of the teacher's lead of" in text
    assert "66 %" not in text


def test_pictures_of_a_class_grow_fewer_with_more_classes() -> None:
    assert [pictures.images_of_a_kind(number) for number in (5, 133, 200, 400, 401)] == [3, 3, 2, 1, 0]
