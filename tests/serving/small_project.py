"""A project just after its students were trained, with networks that take no training."""

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from ruamel.yaml import YAML

from tests.training.small_world import CLASSES, SIZE, STUDENT, make_world
from wsdkd.data.images import load_square
from wsdkd.data.tables import ImageRow, targets, write_classes, write_images
from wsdkd.networks.checkpoints import save_network
from wsdkd.networks.description import VALIDATION
from wsdkd.settings.sections import read_params
from wsdkd.student.network import Student, load_student
from wsdkd.student.validation import ValidationCounts, count_labels

PROFILE = Path(__file__).parents[2] / "profiles" / "scenes-smoke.yaml"


def make_project(root: Path, images: int = 24) -> list[ImageRow]:
    """Pictures, tables and parameters below ``root``, and the students ``good`` and ``bad`` in ``models``."""
    (root / "pictures").mkdir(parents=True)
    world = make_world(root / "pictures", images)
    rows = [replace(row, split="val") for row in world.rows]
    write_images(root / "data/prepared/images.parquet", rows)
    write_classes(root / "data/prepared/classes.json", CLASSES)
    set_params(root)
    torch.manual_seed(0)
    model = Student(STUDENT, len(CLASSES)).eval()
    labels, _ = targets(rows, len(CLASSES))
    fit_classifier(model, rows, root / "pictures", labels)
    save_student(root / "models/good", model)
    fit_classifier(model, rows, root / "pictures", np.roll(labels, 1, axis=1))
    save_student(root / "models/bad", model)
    use_as_student(root, "bad")
    return rows


def fit_classifier(model: Student, rows: list[ImageRow], root: Path, labels: np.ndarray) -> None:
    """Give ``model`` the classifier that tells these pictures apart, by least squares on its features."""
    pictures = np.stack([load_square(root / row.path, SIZE) for row in rows])
    with torch.no_grad():
        features = model.vector(model.backbone(torch.from_numpy(pictures).permute(0, 3, 1, 2))).double()
        centre = features.mean(dim=0)
        wanted = torch.from_numpy(6.0 * labels - 3).double()
        weight = torch.linalg.lstsq(features - centre, wanted - wanted.mean(dim=0), driver="gelsd").solution.T
        model.classifier.weight.copy_(weight)
        model.classifier.bias.copy_(wanted.mean(dim=0) - weight @ centre)


def save_student(folder: Path, model: Student, classes: list[str] = CLASSES) -> None:
    save_network(folder, model, "student", STUDENT, classes)


def keep_counts(folder: Path, seed: int = 0) -> ValidationCounts:
    """Give a student what 60 validation images may have said, of logits that are three times too large."""
    generator = np.random.default_rng(seed)
    logits = generator.normal(-1, 5, (60, len(CLASSES))).astype(np.float32)
    labels = (generator.random(logits.shape) < 1 / (1 + np.exp(-logits / 3))).astype(np.float32)
    counts = count_labels(logits, labels, np.ones(labels.shape, bool))
    assert counts is not None
    model, more = load_student(folder).model, {VALIDATION: counts.described(CLASSES)}
    save_network(folder, model, "student", STUDENT, CLASSES, more)
    return counts


def use_as_student(root: Path, name: str) -> None:
    shutil.rmtree(root / "models/student", ignore_errors=True)
    shutil.copytree(root / "models" / name, root / "models/student")


def set_params(root: Path, **promotion: object) -> None:
    data = read_params(PROFILE)
    data["dataset"]["root"] = "pictures"
    data["promotion"] |= promotion
    YAML().dump(data, root / "params.yaml")
