"""The stage ``evaluate``, against the forward passes that it cannot do without."""

from dataclasses import dataclass
from functools import partial

import torch

from benchmarks.bench.alternate import alternate
from benchmarks.bench.row import Measured, Row
from benchmarks.bench.teacher_batches import teacher_batches
from benchmarks.bench.world import World
from wsdkd.datasets.audit.count import facts_of
from wsdkd.evaluation.evaluate import Sections, evaluate
from wsdkd.evaluation.scoring import STUDENT_BATCH, TEACHER_BATCH, Data, Networks
from wsdkd.networks.decoding import picture_batches

WHAT = "evaluate: decoding, three networks, localisation, every figure, the report's page"
LEAST_SECONDS = 1e-3
"""For measuring costs: what they take is asked for by a parameter, and no part of the comparison."""


@dataclass
class Alone:
    """One process that scores all images."""

    device: torch.device
    process_index: int = 0
    num_processes: int = 1


def _evaluate(world: World, once: bool) -> Measured:
    # once: the frozen layers, which both students have alike, are computed once by the bare passes, too.
    profile, train, student = world.profile, world.cached_rows, world.student
    test = world.rows[: world.sizes.tested]
    sections = Sections(
        evaluation=profile.evaluation.model_copy(update={"cost_seconds": LEAST_SECONDS}),
        baseline=profile.baseline,
        proposals=profile.proposals,
        distill_features=profile.distill_features,
        distill_predictions=profile.distill_predictions,
    )
    data = Data(
        world.classes,
        train,
        test,
        world.prepared.objects,
        world.proposals,
        world.root,
        facts_of(world.prepared, world.root),
    )
    networks = Networks(student, world.teacher, student)
    size = student.params.input_size
    pictures = [
        batch.to(world.device) for _, batch in picture_batches(test, world.root, size, False, STUDENT_BATCH)
    ]
    given = teacher_batches(world, TEACHER_BATCH, mirrored=False, rows=test)

    def ours() -> None:
        evaluate(networks, data, world.cache, {}, sections, Alone(world.device))

    @torch.inference_mode()
    def bare() -> None:
        model, students = student.model, len(networks.students())
        for batch in pictures:
            if once:
                features = model.backbone.stem(batch)
                for _ in range(students):
                    model.classify(model.backbone.trunk(features.clone()))
            else:
                for _ in range(students):
                    model(batch)
        for one in given:
            world.teacher.model(*one)

    return alternate(
        ours,
        bare,
        world.sizes.pairs,
        items=len(test),
        item="image",
        note=f"{len(test)} images, with boxes; without writing, and with five runs of a network in the place "
        f"of the {profile.evaluation.cost_seconds:g} s in which its speed is measured",
    )


ROWS = (
    Row(
        "evaluate",
        WHAT,
        "the three networks' forward passes alone, batches in memory",
        partial(_evaluate, once=False),
        target=0.8,
    ),
    Row(
        "evaluate_once",
        WHAT,
        "the same passes, where those through the students' equal frozen layers are one",
        partial(_evaluate, once=True),
    ),
)
