import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
import safetensors.torch
import torch

from wsdkd.ground.errors import UserError
from wsdkd.ground.sealed import DIGEST
from wsdkd.networks.checkpoints import save_network
from wsdkd.networks.description import DESCRIPTION, WEIGHTS
from wsdkd.networks.params import Network
from wsdkd.student.network import Student, load_student
from wsdkd.student.params import StudentParams
from wsdkd.teacher.network import Wsddn, load_teacher
from wsdkd.teacher.params import RoiPooling, TeacherParams
from wsdkd.training.params import Optimisation

WEIGHTS_MODULE = "wsdkd.networks.weights"
CLASSES = ["cat", "dog", "été"]
NETWORK = Network(weights=None, stages=2, stride=16, frozen_stages=1)
STUDENT = StudentParams(network=NETWORK, input_size=48, hidden=8, pooling="max")
TEACHER = TeacherParams(
    network=NETWORK,
    input_size=64,
    train_sizes=(48, 64),
    roi=RoiPooling(bins=2),
    hidden=8,
    training=Optimisation(epochs=7),
)


def _student(folder: Path) -> Student:
    torch.manual_seed(0)
    student = Student(STUDENT, len(CLASSES))
    save_network(folder, student, "student", STUDENT, CLASSES)
    return student


def _teacher(folder: Path) -> Wsddn:
    torch.manual_seed(0)
    teacher = Wsddn(TEACHER, len(CLASSES))
    save_network(folder, teacher, "teacher", TEACHER, CLASSES)
    return teacher


def test_a_student_comes_back_bitwise(tmp_path: Path) -> None:
    saved = _student(tmp_path / "s").to(memory_format=torch.channels_last).eval()
    loaded = load_student(tmp_path / "s")
    assert not loaded.model.training
    assert loaded.params == STUDENT
    assert loaded.classes == CLASSES
    assert saved.state_dict().keys() == loaded.model.state_dict().keys()
    for name, value in saved.state_dict().items():
        assert torch.equal(value, loaded.model.state_dict()[name]), name


def test_a_teacher_comes_back_bitwise(tmp_path: Path) -> None:
    saved = _teacher(tmp_path / "t").eval()
    loaded = load_teacher(tmp_path / "t")
    assert not loaded.model.training
    assert loaded.params.model_dump(exclude={"training"}) == TEACHER.model_dump(exclude={"training"})
    inputs = torch.rand(1, 3, 64, 64) * 255, torch.tensor([[0, 0, 0, 32, 32.0]]), torch.ones(1)
    with torch.no_grad():
        for expected, found in zip(saved(*inputs), loaded.model(*inputs), strict=True):
            assert torch.equal(expected, found)


def test_equal_networks_give_equal_bytes(tmp_path: Path) -> None:
    first = _student(tmp_path / "first")
    save_network(
        tmp_path / "second", first.to(memory_format=torch.channels_last), "student", STUDENT, CLASSES
    )
    for name in (WEIGHTS, DESCRIPTION):
        assert (tmp_path / "first" / name).read_bytes() == (tmp_path / "second" / name).read_bytes()


def test_how_it_was_trained_and_where_weights_came_from_is_not_kept(tmp_path: Path) -> None:
    # The file of initial weights may be gone when the network is read; and a teacher that was
    # trained otherwise, with the same result, is the same teacher.
    _teacher(tmp_path / "t")
    fields = json.loads((tmp_path / "t" / DESCRIPTION).read_text())["params"]
    assert "training" not in fields
    assert fields["network"]["weights"] is None


def test_the_wrong_kind(tmp_path: Path) -> None:
    _student(tmp_path / "s")
    with pytest.raises(UserError, match=r"model\.json: kind: expected a teacher, found a student"):
        load_teacher(tmp_path / "s")


@pytest.mark.parametrize("name", [WEIGHTS, DESCRIPTION])
def test_a_missing_file(tmp_path: Path, name: str) -> None:
    _student(tmp_path / "s")
    (tmp_path / "s" / name).unlink()
    with pytest.raises(UserError, match=f"{name}: no such file; run the stage .*dvc pull"):
        load_student(tmp_path / "s")


@pytest.mark.parametrize(
    "spoil",
    [
        lambda folder: _replace(folder / DESCRIPTION, '"dog"', '"cow"'),
        lambda folder: _replace(folder / DESCRIPTION, '"pooling": "max"', '"pooling": "mean"'),
        lambda folder: _replace(folder / DESCRIPTION, '"input_size": 48', '"input_size": 64'),
        lambda folder: _flip(folder / WEIGHTS),
        lambda folder: _halve(folder / WEIGHTS),
        lambda folder: shutil.copy(folder.parent / "other" / WEIGHTS, folder),
        lambda folder: shutil.copy(folder.parent / "other" / DESCRIPTION, folder),
    ],
    ids=["classes", "pooling", "input", "a bit", "dtype", "other weights", "other description"],
)
def test_weights_and_description_that_do_not_belong_together(
    tmp_path: Path, spoil: Callable[[Path], object]
) -> None:
    _student(tmp_path / "s")
    save_network(tmp_path / "other", Student(STUDENT, len(CLASSES)), "student", STUDENT, CLASSES)
    before = [(tmp_path / "s" / name).read_bytes() for name in (WEIGHTS, DESCRIPTION)]
    spoil(tmp_path / "s")
    assert before != [(tmp_path / "s" / name).read_bytes() for name in (WEIGHTS, DESCRIPTION)]
    with pytest.raises(UserError, match=r"model\.json: digest: it does not belong to the model\.safetensors"):
        load_student(tmp_path / "s")


def _replace(path: Path, before: str, after: str) -> None:
    path.write_text(path.read_text(encoding="utf-8").replace(before, after), encoding="utf-8")


def _flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[-10] ^= 1
    path.write_bytes(data)


def _halve(path: Path) -> None:
    halves = {name: value.half() for name, value in safetensors.torch.load_file(path).items()}
    path.write_bytes(safetensors.torch.save(halves))


def test_damaged_weights_of_a_network_without_a_digest(tmp_path: Path) -> None:
    _student(tmp_path / "s")
    _edit(tmp_path / "s" / DESCRIPTION, ["kind"], "student")
    path = tmp_path / "s" / WEIGHTS
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(UserError, match="does not hold the network"):
        load_student(tmp_path / "s")


def _edit(path: Path, keys: list[str], value: Any) -> None:
    content = json.loads(path.read_text())
    content.pop(DIGEST, None)  # as version 0.1 wrote it
    place = content
    for key in keys[:-1]:
        place = place[key]
    place[keys[-1]] = value
    path.write_text(json.dumps(content))


@pytest.mark.parametrize("weights", ["imagenet", "/somebody/else/s.safetensors"])
def test_no_other_weights_than_those_beside_it_are_asked_for(weights: str, tmp_path: Path) -> None:
    saved = _student(tmp_path / "s")
    path = tmp_path / "s" / DESCRIPTION
    _edit(path, ["params", "network", "weights"], weights)
    with patch(f"{WEIGHTS_MODULE}.read_file") as read, patch(f"{WEIGHTS_MODULE}._download") as download:
        loaded = load_student(tmp_path / "s")
    assert not read.called
    assert not download.called
    assert loaded.params == STUDENT
    assert torch.equal(loaded.model.classifier.weight, saved.classifier.weight)
    _edit(path, ["params", "network", "backbone"], "hf-hub:timm/resnet18.a1_in1k")
    with pytest.raises(UserError, match=r"'hf-hub:timm/resnet18\.a1_in1k' is neither"):
        load_student(tmp_path / "s")


def test_a_network_of_an_earlier_version(tmp_path: Path) -> None:
    # What is input_size today was size, and there was no digest.
    _student(tmp_path / "s")
    path = tmp_path / "s" / DESCRIPTION
    content = json.loads(path.read_text())
    content["params"]["size"] = content["params"].pop("input_size")
    del content[DIGEST]
    path.write_text(json.dumps(content))
    assert load_student(tmp_path / "s").params == STUDENT


@pytest.mark.parametrize(
    ("keys", "value", "message"),
    [
        (["params", "input_size"], "48", r"params\.input_size: "),
        (["params", "network", "depth"], 3, r"params\.network\.depth: "),
        (["params"], [], "params: "),
        (["classes"], "cat", "classes: expected a list of names"),
        (["classes"], ["cat"], "does not hold the network"),
        (["params", "hidden"], 16, "does not hold the network"),
    ],
)
def test_a_description_that_does_not_fit(tmp_path: Path, keys: list[str], value: Any, message: str) -> None:
    _student(tmp_path / "s")
    _edit(tmp_path / "s" / DESCRIPTION, keys, value)
    with pytest.raises(UserError, match=message):
        load_student(tmp_path / "s")


def test_a_description_that_is_no_json(tmp_path: Path) -> None:
    _student(tmp_path / "s")
    (tmp_path / "s" / DESCRIPTION).write_text("{")
    with pytest.raises(UserError, match=r"model\.json: not JSON"):
        load_student(tmp_path / "s")
