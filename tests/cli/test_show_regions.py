"""``wsdkd show regions`` on a cache of a teacher without a network."""

from pathlib import Path

import matplotlib.image
import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from tests.cache import synthetic_teacher as synthetic
from wsdkd.cli.main import app
from wsdkd.data.tables import write_classes, write_images
from wsdkd.evaluation import examples
from wsdkd.evaluation.examples import BestRegion, draw_region_page
from wsdkd.ground.errors import UserError
from wsdkd.scores import region_scores


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    rows = synthetic.make_rows(12)
    (tmp_path / "photographs").mkdir()
    for row in rows:
        Image.new("RGB", (row.width, row.height), (90, 120, 150)).save(tmp_path / "photographs" / row.path)
    write_images(tmp_path / "data/prepared/images.parquet", rows)
    write_classes(tmp_path / "data/prepared/classes.json", synthetic.CLASSES)
    (tmp_path / "params.yaml").write_text("dataset: {root: photographs}\n")
    synthetic.write(tmp_path / "data/teacher_cache", tmp_path / "scratch", rows)
    return tmp_path


def test_the_best_region_of_each_class_in_the_first_images_that_hold_it(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn: list[list[tuple[str, list[BestRegion]]]] = []
    monkeypatch.setattr(
        examples, "draw_region_page", lambda page: drawn.append(page) or draw_region_page(page)
    )
    answer = CliRunner().invoke(app, ["show", "regions", "--images", "2"])
    assert answer.exit_code == 0, answer.exception
    assert matplotlib.image.imread(project / "reports/regions.png").ndim == 3
    (page,) = drawn
    assert [name for name, _ in page] == synthetic.CLASSES
    rows = synthetic.make_rows(12)
    proposals = synthetic.make_proposals(rows)
    for label, (_, images) in enumerate(page):
        held = [row for row in rows if label in row.labels][:2]
        assert len(images) == len(held) == 2
        for row, image in zip(held, images, strict=True):
            said = synthetic.regions(row, proposals, mirrored=False)
            scores = region_scores(said.class_logits, said.detection_logits)[:, label]
            assert image.picture.shape == (row.height, row.width, 3)
            np.testing.assert_allclose(image.box, said.boxes[scores.argmax()])
            assert image.score == pytest.approx(float(scores.sum()), abs=0.01)  # kept in half precision


def test_another_ending_than_png_is_refused(project: Path) -> None:
    answer = CliRunner().invoke(app, ["show", "regions", "--to", str(project / "page.pdf")])
    assert isinstance(answer.exception, UserError)
    assert r".png" in str(answer.exception)


def test_an_output_of_a_stage_is_refused(project: Path) -> None:
    (project / "reports/pictures").mkdir(parents=True)
    (project / "dvc.yaml").write_text("stages: {evaluate: {cmd: evaluate, outs: [reports/pictures]}}")
    answer = CliRunner().invoke(app, ["show", "regions", "--to", "reports/pictures/regions.png"])
    assert isinstance(answer.exception, UserError)
    assert "DVC watches reports/pictures" in str(answer.exception)
    assert not list((project / "reports/pictures").iterdir())
