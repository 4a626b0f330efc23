"""The stage that scores each training image by a student that did not learn from it."""

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from stages import score_folds
from tests.training.small_world import CLASSES, make_world
from wsdkd import project
from wsdkd.data.tables import ImageRow, read_images, write_classes, write_images
from wsdkd.doubts.folds import fold_of, read_scores
from wsdkd.proposals.stored import write_proposals
from wsdkd.student.network import LoadedStudent
from wsdkd.student.run import student_scores
from wsdkd.training.course import Course, Images

ROOT = Path(__file__).parents[2]
PARAMS = """
dataset: {format: table, root: pictures}
doubts: {folds: [2]}
student: {network: {weights: null, stages: 3, stride: 8}, input_size: 32, dropout: 0.0}
baseline: {regions: 2}
distill_features: {recipe: regions, training: {epochs: 1, batch_size: 4}}
distill_predictions: {training: {epochs: 1, batch_size: 4}}
"""


@pytest.fixture
def rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[ImageRow]:
    """The training images of a small project, in which the test works."""
    monkeypatch.chdir(tmp_path)
    shutil.copy(ROOT / "dvc.yaml", tmp_path)
    (tmp_path / "pictures").mkdir()
    (tmp_path / "inputs/weights/student").mkdir(parents=True)
    world = make_world(tmp_path / "pictures", 16)
    write_proposals(
        project.PROPOSALS, ((row.image_id, *world.proposals.of(row.image_id)) for row in world.rows)
    )
    held_out = [replace(row, split="val") for row in world.rows[:4]]
    write_images(project.IMAGES, [*held_out, *world.rows[4:]])
    write_classes(project.CLASSES, CLASSES)
    (tmp_path / "params.yaml").write_text(PARAMS)
    return list(read_images(project.IMAGES, "train"))


def test_an_image_s_score_is_that_of_a_student_of_the_other_part(
    rows: list[ImageRow], monkeypatch: pytest.MonkeyPatch
) -> None:
    courses: list[tuple[Images, Course]] = []
    make = score_folds.baseline

    def noted(images: Images) -> Course:
        courses.append((images, make(images)))
        return courses[-1][1]

    monkeypatch.setattr(score_folds, "baseline", noted)
    score_folds.main()
    scores = read_scores(project.FOLD_SCORES, rows, CLASSES)
    for number, (images, course) in enumerate(courses):
        own = [place for place, row in enumerate(rows) if fold_of(row, 2) == number]
        assert not {rows[place].image_id for place in own} & {row.image_id for row in images.train}
        loaded = LoadedStudent(course.network, course.params, CLASSES)  # type: ignore[arg-type]
        again = student_scores(
            loaded,
            [rows[place] for place in own],
            images.root,
            batch_size=32,
            device=torch.device("cpu"),
            description="again",
        )
        np.testing.assert_array_equal(scores[own], again)
    assert len(courses) == 2
    assert (project.FOLDS / "curves/2").is_dir()
    assert not list(project.RESUME.glob("score_folds/*/*"))


def test_a_part_that_is_finished_is_not_learned_again(
    rows: list[ImageRow], monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes: list[int] = []
    make = score_folds.baseline

    def stopped(images: Images) -> Course:
        sizes.append(len(images.train))
        if len(sizes) == 2:
            raise KeyboardInterrupt
        return make(images)

    monkeypatch.setattr(score_folds, "baseline", stopped)
    with pytest.raises(KeyboardInterrupt):
        score_folds.main()
    assert not project.FOLD_SCORES.exists()
    score_folds.main()
    assert len(sizes) == 3
    assert sizes[1] == sizes[2] == sum(fold_of(row, 2) == 0 for row in rows)
    assert read_scores(project.FOLD_SCORES, rows, CLASSES).shape == (12, 3)
