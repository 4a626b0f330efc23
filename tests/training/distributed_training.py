"""Trains as the stages do, in as many processes as WSDKD_PROCESSES says; run by test_processes.py."""

import os
from collections.abc import Callable
from pathlib import Path

import torch

from tests.training.small_world import CLASSES, FEATURES, STUDENT, TEACHER, HandMadeCache, World, make_world
from wsdkd.distill.features import feature_objective
from wsdkd.distill.from_cache import CachedFeatures, CachedPredictions
from wsdkd.distill.params import DistillFeaturesParams, DistillPredictionsParams
from wsdkd.distill.predictions import PredictionObjective
from wsdkd.student.learning import LabelObjective
from wsdkd.student.network import Student
from wsdkd.teacher.learning import RegionsAndLabels, TeacherObjective
from wsdkd.teacher.network import Wsddn
from wsdkd.training.learner import Objective
from wsdkd.training.loader import Labels, Supervision
from wsdkd.training.loop import Phase, Task, Training, train
from wsdkd.training.params import Optimisation
from wsdkd.training.pictures import Pictures
from wsdkd.training.processes import in_processes, seed_all, start
from wsdkd.training.record import Resume

STEPS = 8
# One batch an epoch, so that a point of a curve is the loss of a step. Five images a batch: one
# process takes three, the other two. Two stages train with batch normalisation.
IMAGES = 9
TRAINING = Optimisation(
    epochs=STEPS, batch_size=5, optimizer="sgd", schedule="constant", learning_rate=1e-2, seed=1
)
NETWORK = STUDENT.network.model_copy(update={"frozen_stages": 1})
STUDENT = STUDENT.model_copy(update={"network": NETWORK, "hidden": 10})
# Without dropout, which draws otherwise in each process.
TEACHER = TEACHER.model_copy(update={"network": NETWORK, "dropout": 0.0})
PREDICTIONS = DistillPredictionsParams(training=TRAINING)
# Averaged weights and the best epoch; a tenth of the images is shown twice.
KEPT = TRAINING.model_copy(
    update={"average_decay": 0.5, "keep": "best", "repeat_threshold": 0.4, "label_loss": "asymmetric"}
)


# In stage 1 losses fall fast, and at a higher rate last bits would grow into digits within the steps.
SLOWER = TRAINING.model_copy(update={"learning_rate": 2e-3})


def _regions(recipe: str, training: Optimisation = SLOWER, **weights: float) -> DistillFeaturesParams:
    return DistillFeaturesParams.model_validate({"recipe": recipe, "training": training, **weights})


STAGE_1 = {
    # Without a region or label loss the classifier has no gradient.
    "release": _regions("release"),
    "paper": _regions("paper"),
    "regions": _regions("regions", region_weight=2.0, label_weight=1.0),
    "parts": _regions("regions", SLOWER.model_copy(update={"accumulate": 2}), region_weight=2.0),
}


REFINED = TEACHER.model_copy(update={"refinements": 1, "refinement_ranking": "support", "region_weight": 1.0})


def _networks(world: World) -> dict[str, Callable[[], tuple[Objective, Supervision]]]:
    rows, classes = world.rows, len(CLASSES)
    # Images have unequal numbers of regions.
    cache = HandMadeCache(world, lambda image: 1 + image % 3)

    def student() -> Student:
        return Student(STUDENT, classes)

    def features(params: DistillFeaturesParams) -> tuple[Objective, Supervision]:
        supervision = CachedFeatures(rows, cache, params)
        return feature_objective(student(), params, FEATURES), supervision

    return {
        "teacher": lambda: (
            TeacherObjective(Wsddn(TEACHER, classes), TEACHER),
            RegionsAndLabels(rows, classes, world.proposals, 3),
        ),
        "refined": lambda: (
            TeacherObjective(Wsddn(REFINED, classes), REFINED),
            RegionsAndLabels(rows, classes, world.proposals, 3),
        ),
        "baseline": lambda: (LabelObjective(student()), Labels(rows, classes)),
        "kept": lambda: (LabelObjective(student(), KEPT.label_loss), Labels(rows, classes)),
        **{name: lambda params=params: features(params) for name, params in STAGE_1.items()},
        "predictions": lambda: (
            PredictionObjective(student(), PREDICTIONS),
            CachedPredictions(rows, cache, PREDICTIONS),
        ),
    }


def main() -> None:
    root = Path(os.environ["TEST_ROOT"])
    out = Path(os.environ["TEST_OUT"])
    accelerator = start(TRAINING)
    out.mkdir(exist_ok=True)
    (out / f"seen-{accelerator.process_index}-of-{accelerator.num_processes}").touch()
    accelerator.wait_for_everyone()
    world = make_world(root, IMAGES)  # every process writes the same
    accelerator.wait_for_everyone()
    params_of = {"kept": KEPT, **{name: stage.training for name, stage in STAGE_1.items()}}
    for name, make in _networks(world).items():
        seed_all(0)
        objective, supervision = make()
        # A single batch of validation images: the second process has none.
        watched = Task(objective, Pictures(world.rows[:3], root, [32]), supervision)
        task = Task(objective, Pictures(world.rows, root, [32]), supervision)
        training = Training(
            name=name,
            phases=(Phase(task, params_of.get(name, TRAINING)),),
            validation=watched,
            curves=out / name,
            states=Resume(None),
            save=lambda: torch.save(objective.state_dict(), out / f"{name}.pth"),  # noqa: B023
        )
        train(training, accelerator)
    accelerator.end_training()


if __name__ == "__main__":
    in_processes(main, "tests.training.distributed_training")()
