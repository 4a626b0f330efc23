"""Labels in doubt in a real project: DVC scores training images when needed, and trains with corrections."""

import re
import shutil
import sys
from pathlib import Path

import pytest

from tests.pipeline.clone import Clone, stages_run
from wsdkd.data.tables import read_classes, read_images
from wsdkd.datasets.corrections import Correction, write_corrections

pytestmark = pytest.mark.long
STAGE = "score_folds@2"
DOUBT = re.compile(r'data-image="([^"]+)" data-class="([^"]+)" data-label="(\w+)" data-proposed="(\w+)"')


@pytest.fixture(scope="module")
def project(smoke: Clone, tmp_path_factory: pytest.TempPathFactory) -> Clone:
    root = tmp_path_factory.mktemp("labels") / "project"
    shutil.copytree(smoke.root, root, symlinks=True)
    return Clone(root)


def labels(project: Clone, *arguments: str) -> str:
    return project.run(sys.executable, "-m", "wsdkd", "labels", *arguments).stdout


def present(project: Clone, image: str, name: str) -> bool:
    prepared = project.root / "data/prepared"
    place = read_classes(prepared / "classes.json").index(name)
    (row,) = (row for row in read_images(prepared / "images.parquet") if row.image_id == image)
    return place in row.labels


def test_training_images_are_scored_once_and_a_decision_trains_anew(project: Clone, tmp_path: Path) -> None:
    said = labels(project, "--folds", "2", "--most", "300")
    assert stages_run(said) == {STAGE}
    assert re.search(r"labels in doubt \(train \d+", said)
    assert stages_run(labels(project, "--folds", "2")) == set()
    assert project.changed() == set()

    found = DOUBT.search((project.root / "reports/labels.html").read_text(encoding="utf-8"))
    assert found
    image, name, label, proposed = found.groups()
    assert present(project, image, name) == (label == "present")
    write_corrections(tmp_path / "corrections.csv", [Correction(image, name, label, proposed, "accepted")])
    assert "1 accepted" in labels(project, "take", str(tmp_path / "corrections.csv"))
    ran = project.repro()
    assert ran >= {
        "prepare",
        "train_teacher",
        "cache_teacher",
        "train_baseline",
        "distill_predictions",
        STAGE,
    }
    assert present(project, image, name) == (proposed == "present")
    assert project.repro() == set()
