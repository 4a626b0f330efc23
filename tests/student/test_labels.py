from pathlib import Path

import numpy as np
import pytest
import torch

from tests.training.small_world import CLASSES, STUDENT, make_world
from wsdkd.data.images import load_square
from wsdkd.student.network import LoadedStudent, Student
from wsdkd.student.run import student_scores


@pytest.fixture(scope="module")
def student() -> LoadedStudent:
    torch.manual_seed(0)
    return LoadedStudent(Student(STUDENT, len(CLASSES)).eval(), STUDENT, CLASSES)


def _scores(student: LoadedStudent, rows: list, root: Path, batch_size: int) -> np.ndarray:
    device = torch.device("cpu")
    return student_scores(student, rows, root, batch_size=batch_size, device=device, description="test")


def test_against_one_image_at_a_time(tmp_path: Path, student: LoadedStudent) -> None:
    world = make_world(tmp_path, images=5)
    scores = _scores(student, world.rows, world.root, 2)
    assert scores.shape == (5, 3)
    assert scores.dtype == np.float32
    for row, found in zip(world.rows, scores, strict=True):
        picture = torch.from_numpy(load_square(world.root / row.path, 32).copy()).permute(2, 0, 1)[None]
        with torch.no_grad():
            logits = student.model(picture)[0].double()
        expected = 1 / (1 + torch.exp(-logits))
        np.testing.assert_allclose(found, expected.numpy(), rtol=1e-4)


def test_no_images_at_all(tmp_path: Path, student: LoadedStudent) -> None:
    assert _scores(student, [], tmp_path, 2).shape == (0, 3)
