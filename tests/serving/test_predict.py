from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from tests.training.small_world import CLASSES, STUDENT, make_world
from wsdkd.data.images import load_square
from wsdkd.ground.errors import UserError
from wsdkd.networks import decoding
from wsdkd.student import run
from wsdkd.student.network import LoadedStudent, Student
from wsdkd.student.run import Labelled, Unreadable, label_pictures

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def student() -> LoadedStudent:
    torch.manual_seed(0)
    return LoadedStudent(Student(STUDENT, len(CLASSES)).eval(), STUDENT, CLASSES)


def test_against_one_picture_at_a_time_with_bad_ones_between(tmp_path: Path, student: LoadedStudent) -> None:
    world = make_world(tmp_path, images=7)
    paths = [tmp_path / row.path for row in world.rows]
    for place in (1, 3, 4):  # a whole batch of two is unreadable
        paths[place].write_bytes(paths[place].read_bytes()[:70])
    (tmp_path / "folder.png").mkdir()
    paths.append(tmp_path / "folder.png")
    outcomes = list(label_pictures(student, paths, batch_size=2, device=CPU))
    assert [outcome.source for outcome in outcomes] == paths
    for place, outcome in enumerate(outcomes):
        if place in (1, 3, 4, 7):
            assert isinstance(outcome, Unreadable)
            assert outcome.reason.startswith("cannot be ")
            continue
        assert isinstance(outcome, Labelled)
        picture = torch.from_numpy(load_square(paths[place], 32).copy()).permute(2, 0, 1)[None]
        with torch.no_grad():
            logits = student.model(picture)[0].double().numpy()
        np.testing.assert_allclose(outcome.logits, logits, rtol=1e-4)


def test_a_picture_lies_as_its_camera_was_held(tmp_path: Path, student: LoadedStudent) -> None:
    world = make_world(tmp_path, images=1)
    upright = Image.open(tmp_path / world.rows[0].path)
    exif = Image.Exif()
    exif[0x0112] = 6  # is to be turned by 90 degrees clockwise
    upright.transpose(Image.Transpose.ROTATE_90).save(tmp_path / "turned.png", exif=exif)
    paths = [tmp_path / world.rows[0].path, tmp_path / "turned.png"]
    first, second = label_pictures(student, paths, batch_size=2, device=CPU)
    assert isinstance(first, Labelled)
    assert isinstance(second, Labelled)
    np.testing.assert_array_equal(first.logits, second.logits)


def test_each_is_decoded_once_and_few_are_held(
    tmp_path: Path, student: LoadedStudent, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = make_world(tmp_path, images=1)
    decoded: list[Path] = []

    def counted(path: Path, size: int, _: int) -> np.ndarray:
        decoded.append(path)
        return load_square(tmp_path / world.rows[0].path, size)

    monkeypatch.setattr(run, "load_square", counted)
    paths = [Path(str(number)) for number in range(60)]
    outcomes = label_pictures(student, paths, batch_size=2, device=CPU)
    for taken, _ in enumerate(outcomes, start=1):
        assert len(decoded) <= taken + 2 * (decoding.AHEAD + 2)
    assert sorted(decoded) == sorted(paths)


def test_scores_that_are_not_finite_are_refused(tmp_path: Path) -> None:
    model = Student(STUDENT, len(CLASSES)).eval()
    torch.nn.init.constant_(model.classifier.bias, float("nan"))
    world = make_world(tmp_path, images=1)
    broken = LoadedStudent(model, STUDENT, CLASSES)
    with pytest.raises(UserError, match="not finite"):
        list(label_pictures(broken, [tmp_path / world.rows[0].path], batch_size=1, device=CPU))
