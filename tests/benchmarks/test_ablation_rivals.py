"""The losses of rivals against plain loops, and a student that learns by each."""

from pathlib import Path

import pytest
import torch
from torch.nn.functional import interpolate

from benchmarks.ablation.rivals import (
    BY_CLASS,
    BY_IMAGE,
    EMBEDDINGS,
    LOGITS,
    MAP_WEIGHT,
    LabelWise,
    OwnAverage,
    PlainTeacher,
    WholeMap,
    _label_wise,
    label_embeddings,
    structure_loss,
    structure_losses,
)
from tests.training.small_world import CLASSES, SIZE, STUDENT, World, make_world, train
from wsdkd.distill.from_cache import Taught
from wsdkd.distill.predictions import prediction_loss
from wsdkd.student.learning import label_loss
from wsdkd.student.network import LoadedStudent, Student
from wsdkd.training.learner import Objective
from wsdkd.training.loader import Batch, Supervision
from wsdkd.training.pictures import Pictures
from wsdkd.training.views import View

VIEWS = [View(0, False, SIZE), View(1, True, SIZE), View(3, False, SIZE)]


@pytest.fixture
def world(tmp_path: Path) -> World:
    return make_world(tmp_path)


def _student(hidden: int = 10) -> Student:
    torch.manual_seed(0)
    return Student(STUDENT.model_copy(update={"hidden": hidden}), len(CLASSES)).eval()


def _teacher(world: World, kind: str) -> PlainTeacher:
    # Wider and of another size than the student.
    params = STUDENT.model_copy(update={"hidden": 14, "input_size": 48})
    loaded = LoadedStudent(Student(params, len(CLASSES)).eval(), params, CLASSES)
    says = _label_wise if kind == "l2d" else lambda _, cells: {"teacher_map": cells}
    return PlainTeacher(world.rows, world.root, loaded, says)


def _batch(world: World, student: Student, said: Supervision) -> Batch:
    return {
        "stem": student.backbone.stem(Pictures(world.rows, world.root, [SIZE]).load(VIEWS)),
        **said(VIEWS),
    }


def test_structure_is_the_same_in_a_space_that_is_turned_and_scaled_and_not_in_another() -> None:
    points = torch.randn(5, 4, generator=torch.Generator().manual_seed(0))
    turned = torch.linalg.qr(torch.randn(4, 4, generator=torch.Generator().manual_seed(1)))[0]
    assert structure_loss(points, 3 * points @ turned).item() == pytest.approx(0, abs=1e-6)
    assert structure_loss(points, points.flip(0) ** 3).item() > 0.01


def test_structure_by_hand() -> None:
    # Distances 3, 4, 5 of mean 4, against 1, 1, 2 of mean 4 / 3; each pair counts twice, over three points.
    own = torch.tensor([[0.0, 0.0], [3.0, 0.0], [0.0, 4.0]])
    theirs = torch.tensor([[0.0], [1.0], [-1.0]])
    differences = [3 / 4 - 3 / 4, 4 / 4 - 3 / 4, 5 / 4 - 6 / 4]
    assert structure_loss(own, theirs).item() == pytest.approx(sum(d * d / 2 for d in differences) * 2 / 3)


def test_equal_points_have_a_gradient() -> None:
    own = torch.zeros(3, 2, requires_grad=True)
    structure_loss(own, torch.eye(3)).backward()
    assert own.grad is not None
    assert torch.isfinite(own.grad).all()


def test_structure_counts_what_is_present_twice_or_more() -> None:
    generator = torch.Generator().manual_seed(0)
    own, theirs = torch.randn(4, 3, 5, generator=generator), torch.randn(4, 3, 7, generator=generator)
    labels = torch.tensor([[1, 1, 0], [1, 0, 0], [1, 1, 0], [0, 1, 1]]).float()
    expected = structure_loss(own[[0, 1, 2], 0], theirs[[0, 1, 2], 0])
    expected = expected + structure_loss(own[[0, 2, 3], 1], theirs[[0, 2, 3], 1])
    torch.testing.assert_close(structure_losses(own, theirs, labels), expected)
    assert structure_losses(own, theirs, torch.eye(4)[:, :3]) == 0


def test_a_class_looks_at_the_cells_that_tell_it() -> None:
    cells = torch.zeros(1, 2, 2, 2)
    cells[0, 0, 0, 1], cells[0, 1, 1, 0] = 30.0, 40.0
    found = label_embeddings(cells, torch.eye(2))
    torch.testing.assert_close(found, torch.tensor([[[30.0, 0.0], [0.0, 40.0]]]))
    uniform = label_embeddings(cells, torch.zeros(2, 2))
    torch.testing.assert_close(uniform, torch.tensor([[[7.5, 10.0], [7.5, 10.0]]]))


def test_whole_map_against_its_formula(world: World) -> None:
    student, said = _student(), _teacher(world, "whole_map")
    objective, batch = WholeMap(student, "cross_entropy", 14), _batch(world, student, said)
    losses = objective(batch)
    pictures = Pictures(world.rows, world.root, [48]).load([view._replace(size=48) for view in VIEWS])
    theirs = said.model.embed(said.model.backbone(pictures))
    embedded = student.embed(student.backbone.trunk(batch["stem"]))
    assert theirs.shape[-1] > embedded.shape[-1]
    size = embedded.shape[-2:]
    wanted = interpolate(theirs.half().float(), size=size, mode="bilinear", antialias=True)
    ratios = [
        (one - other).square().sum() / other.square().sum()
        for one, other in zip(objective.projection(embedded), wanted, strict=True)
    ]
    torch.testing.assert_close(losses["map"], MAP_WEIGHT * torch.stack(ratios).mean())
    logits = student.classify_embedded(embedded)
    torch.testing.assert_close(losses["labels"], label_loss(logits, batch["labels"], batch["known"]))


def test_l2d_against_its_formula(world: World) -> None:
    student, said = _student(), _teacher(world, "l2d")
    batch = _batch(world, student, said)
    batch["labels"] = torch.tensor([[1.0, 1.0, 1.0], [1.0, 0.0, 1.0], [0.0, 1.0, 1.0]])
    losses = LabelWise(student)(batch)
    embedded = student.embed(student.backbone.trunk(batch["stem"]))
    own, theirs = label_embeddings(embedded, student.classifier.weight), batch["teacher_embeddings"]
    classes = sum(
        structure_loss(own[present, k], theirs[present, k])
        for k, present in ((0, [0, 1]), (1, [0, 2]), (2, [0, 1, 2]))
    )
    images = sum(
        structure_loss(own[i, present], theirs[i, present])
        for i, present in ((0, [0, 1, 2]), (1, [0, 2]), (2, [1, 2]))
    )
    # The weights are for COCO's 80 classes.
    torch.testing.assert_close(losses["classes"], EMBEDDINGS * BY_CLASS * 3 / 80 * classes)
    torch.testing.assert_close(losses["images"], EMBEDDINGS * BY_IMAGE * 3 / 80 * images / 3)
    # MLD: the divergence of both outcomes of each class, whose gradient is that of the cross-entropy.
    logits = student.classify_embedded(embedded)
    p, q = batch["teacher_scores"], torch.sigmoid(logits)
    divergence = (p * (p / q).log() + (1 - p) * ((1 - p) / (1 - q)).log()).sum() / 3
    entropy = -(p * p.log() + (1 - p) * (1 - p).log()).sum() / 3
    torch.testing.assert_close(losses["predictions"], LOGITS * (divergence + entropy))


def test_the_average_teaches_and_follows(world: World) -> None:
    student = _student()
    objective = OwnAverage(student, "cross_entropy").train()
    batch = _batch(world, student, Taught(world.rows, len(CLASSES)))
    objective(batch)
    first = student.classifier.weight.detach().clone()
    with torch.no_grad():
        student.classifier.weight += 1
    losses = objective(batch)
    # The first update copies; after it the average keeps 2 / 11 of itself.
    expected = 2 / 11 * first + 9 / 11 * (first + 1)
    torch.testing.assert_close(objective.average.module.classifier.weight, expected)
    own = objective.average.module
    assert not own.training
    scores = torch.sigmoid(own.classify(own.backbone.trunk(batch["stem"])))
    logits = student.eval().classify(student.backbone.trunk(batch["stem"]))
    assert prediction_loss(logits, scores, batch["taught"], 1.0).isfinite()
    assert losses["predictions"].requires_grad
    assert not any(parameter.requires_grad for parameter in objective.average.parameters())


@pytest.mark.parametrize("kind", ["whole_map", "own_average", "l2d"])
def test_a_student_learns_by_each(world: World, kind: str) -> None:
    def make() -> Objective:
        student = Student(STUDENT.model_copy(update={"hidden": 10}), len(CLASSES))
        if kind == "whole_map":
            return WholeMap(student, "cross_entropy", 14)
        return OwnAverage(student, "cross_entropy") if kind == "own_average" else LabelWise(student)

    torch.manual_seed(1)
    said = Taught(world.rows, len(CLASSES)) if kind == "own_average" else _teacher(world, kind)
    _, curves = train(make, world, said)
    losses = curves.of("train/labels")
    assert losses[-1] < losses[0]
    other = curves.of({"whole_map": "train/map"}.get(kind, "train/predictions"))
    assert all(0 < value < 100 for value in other)
