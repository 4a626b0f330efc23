"""The baseline with random regions: which are drawn, what each is to hold, and that it learns."""

from pathlib import Path

import pytest
import torch
from torch.nn import functional as F
from torchvision.ops import roi_align

from tests.training.small_world import CLASSES, STUDENT, TRAINING, World, fresh_start, make_world, train
from wsdkd.ground.errors import UserError
from wsdkd.student.baseline import baseline_course
from wsdkd.student.learning import LabelObjective
from wsdkd.student.network import Student
from wsdkd.student.params import BaselineParams
from wsdkd.student.regions import RandomRegions, RegionObjective
from wsdkd.training.course import Images
from wsdkd.training.views import EpochViews, View

PARAMS = BaselineParams(regions=2, proposals=3, region_weight=2.0)


@pytest.fixture
def world(tmp_path: Path) -> World:
    return make_world(tmp_path)


def _regions(world: World, params: BaselineParams = PARAMS) -> RandomRegions:
    return RandomRegions(world.rows, len(CLASSES), world.proposals, params, seed=1)


def test_some_of_the_best_proposals_are_drawn_and_others_each_time(world: World) -> None:
    regions = _regions(world)
    drawn = set()
    for turn in range(30):
        view = View(4, False, 32, turn=turn)
        batch = regions([view, View(5, True, 32, turn=turn)])
        assert batch["rois"][:, 0].tolist() == [0, 0, 1, 1]
        boxes = world.proposals.of(world.rows[4].image_id)[0]
        at = {tuple(box): place for place, box in enumerate(view.regions(boxes, 48, 32).boxes.tolist())}
        places = [at[tuple(box)] for box in batch["rois"][:2, 1:].tolist()]
        assert len(set(places)) == 2
        drawn.add(tuple(sorted(places)))
    assert drawn == {(0, 1), (0, 2), (1, 2)}
    of_best = _regions(world, PARAMS.model_copy(update={"proposals": 1, "regions": "all"}))
    assert len(of_best([view])["rois"]) == 1


def test_turns_alone_decide_what_is_drawn(world: World) -> None:
    views = list(EpochViews(12, 4, [32], 1, range(3)))
    turns = [view.turn for batch in views for view in batch]
    assert turns == list(range(36))
    again = list(EpochViews(12, 4, [32], 1, range(2, 3)))
    for first, second in zip(views[6:], again, strict=True):
        torch.testing.assert_close(_regions(world)(first)["rois"], _regions(world)(second)["rois"])


def test_each_region_is_to_hold_the_labels_of_its_image(world: World) -> None:
    torch.manual_seed(0)
    student = Student(STUDENT, len(CLASSES)).eval()
    batch = _regions(world)([View(row, row % 2 == 1, 32, turn=row) for row in range(6)])
    batch["known"][2, 1] = False
    pictures = torch.randint(0, 255, (6, 3, 32, 32), dtype=torch.uint8)
    batch["stem"] = student.backbone.stem(pictures)
    with torch.no_grad():
        losses = RegionObjective(student, "cross_entropy", 2.0)(batch)
        features = student.backbone(pictures)
        scale = features.shape[-1] / 32
        pooled = roi_align(features, batch["rois"], 1, scale, 2, aligned=True)
        logits = pooled.flatten(1) @ student.classifier.weight.T + student.classifier.bias
        image = batch["rois"][:, 0].long()
        each = F.binary_cross_entropy_with_logits(logits, batch["labels"][image], reduction="none")
        expected = 2.0 * (each * batch["known"][image]).sum() / len(image)
        labels = LabelObjective(student)(batch)["labels"]
    assert float(losses["regions"]) == pytest.approx(float(expected), rel=1e-4)
    assert float(losses["labels"]) == pytest.approx(float(labels), rel=1e-6)


def test_a_student_learns_its_regions(world: World) -> None:
    params = TRAINING.model_copy(update={"epochs": 12, "learning_rate": 1e-2, "accumulate": 2})
    objective, curves = train(
        lambda: RegionObjective(Student(STUDENT, len(CLASSES)), "cross_entropy", 1.0),
        world,
        _regions(world),  # type: ignore[arg-type]
        params,
    )
    losses = curves.of("train/regions")
    assert losses[-1] < 0.8 * losses[0]
    assert curves.of("train/labels")[-1] < 0.6 * curves.of("train/labels")[0]
    assert not objective.training


def test_regions_in_the_first_schedule_or_throughout(world: World) -> None:
    fresh_start(TRAINING)
    images = Images(world.root, CLASSES, world.rows, world.rows)
    kinds = {}
    for name, params in {
        "labels alone": None,
        "first": PARAMS,
        "throughout": PARAMS.model_copy(update={"throughout": True}),
    }.items():
        course = baseline_course(STUDENT, (TRAINING, TRAINING), images, params, world.proposals)
        kinds[name] = [type(phase.task.objective) for phase in course.phases]
        assert len({id(phase.task.pictures) for phase in course.phases}) == 1
    assert kinds == {
        "labels alone": [LabelObjective, LabelObjective],
        "first": [RegionObjective, LabelObjective],
        "throughout": [RegionObjective, RegionObjective],
    }
    with pytest.raises(
        UserError, match=r"baseline\.regions: 2 regions are drawn from proposals; there are none"
    ):
        baseline_course(STUDENT, (TRAINING, TRAINING), images, PARAMS)


def test_a_view_without_regions_gives_none(world: World) -> None:
    bare = make_world(world.root, 1)
    regions = RandomRegions(bare.rows, len(CLASSES), bare.proposals, PARAMS, 0)
    student = Student(STUDENT, len(CLASSES)).eval()
    batch = regions([View(0, False, 32)])
    batch["rois"] = batch["rois"][:0]
    batch["stem"] = student.backbone.stem(torch.zeros(1, 3, 32, 32, dtype=torch.uint8))
    assert RegionObjective(student, "cross_entropy", 1.0)(batch)["regions"].item() == 0
