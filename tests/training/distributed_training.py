"""Trains as a stage does, in as many processes as WSDKD_PROCESSES says; run by test_processes.py."""

import os
from pathlib import Path

import torch

from tests.training.small_world import CLASSES, FEATURES, STUDENT, HandMadeCache, make_world
from wsdkd.models.student import Student
from wsdkd.params.network import Optimisation
from wsdkd.params.student import DistillFeaturesParams
from wsdkd.training.cached_features import CachedFeatures
from wsdkd.training.distill_features import FeatureObjective
from wsdkd.training.labels import LabelObjective, Labels
from wsdkd.training.launch import distributed
from wsdkd.training.loop import Objective, curves, fit, seed_all, start
from wsdkd.training.pictures import Pictures
from wsdkd.training.resume import Resume
from wsdkd.training.validation import validator

# A frozen backbone, as statistics of batch normalisation are those of a process's own images. Five
# images a batch: one process takes three, the other two.
NETWORK = STUDENT.network.model_copy(update={"frozen_stages": 3})
PARAMS = STUDENT.model_copy(update={"network": NETWORK, "hidden": 10})
TRAINING = Optimisation(
    epochs=2, batch_size=5, optimizer="sgd", schedule="constant", learning_rate=1e-2, seed=1
)


def main() -> None:
    root = Path(os.environ["TEST_ROOT"])
    out = Path(os.environ["TEST_OUT"])
    accelerator = start(TRAINING)
    out.mkdir(exist_ok=True)
    (out / f"seen-{accelerator.process_index}-of-{accelerator.num_processes}").touch()
    accelerator.wait_for_everyone()
    world = make_world(root, 10)  # every process writes the same
    accelerator.wait_for_everyone()
    labels = Labels(world.rows, len(CLASSES))
    # Stage 1 without a region or label loss leaves the classifier without a gradient, and images have
    # unequal numbers of regions.
    cache = HandMadeCache(world, lambda image: 1 + image % 3)
    recipe = DistillFeaturesParams(training=TRAINING)
    for name in ("labels", "features"):
        seed_all(0)
        student = Student(PARAMS, len(CLASSES))
        objective: Objective
        if name == "labels":
            objective, extras = LabelObjective(student), labels
        else:
            objective = FeatureObjective(student, recipe, FEATURES)
            extras = CachedFeatures(world.rows, cache, recipe)  # type: ignore[arg-type, assignment]
        # A single batch of validation images: the second process has none.
        validate = validator(
            LabelObjective(student), world.rows[:3], root, Labels(world.rows[:3], 3), 32, 8, accelerator
        )
        with curves(out / name, accelerator) as live:
            pictures = Pictures(world.rows, root, [32])
            fit(objective, pictures, extras, [32], TRAINING, accelerator, live, validate, name, Resume(None))
        if accelerator.is_main_process:
            torch.save(student.state_dict(), out / f"{name}.pth")
    accelerator.end_training()


if __name__ == "__main__":
    distributed(main, "tests.training.distributed_training")()
