"""The stage ``evaluate``, against the forward passes that it cannot do without."""

from dataclasses import dataclass

import torch

from benchmarks.bench.alternate import alternate
from benchmarks.bench.row import Measured, Row
from benchmarks.bench.teacher_batches import teacher_batches
from benchmarks.bench.world import World
from wsdkd.datasets.audit.count import facts_of
from wsdkd.evaluation.evaluate import Sections, evaluate
from wsdkd.evaluation.scoring import STUDENT_BATCH, TEACHER_BATCH, Data, Networks
from wsdkd.networks.decoding import picture_batches

LEAST_SECONDS = 1e-3
"""For measuring costs: what they take is asked for by a parameter, and no part of the comparison."""


@dataclass
class Alone:
    """One process that scores all images."""

    device: torch.device
    process_index: int = 0
    num_processes: int = 1


def _evaluate(world: World) -> Measured:
    profile, rows, student = world.profile, world.cached_rows, world.student
    sections = Sections(
        evaluation=profile.evaluation.model_copy(update={"cost_seconds": LEAST_SECONDS}),
        baseline=profile.baseline,
        proposals=profile.proposals,
        distill_features=profile.distill_features,
        distill_predictions=profile.distill_predictions,
    )
    objects = [each for each in world.prepared.objects if each.image_id in {row.image_id for row in rows}]
    data = Data(
        world.classes, rows, rows, objects, world.proposals, world.root, facts_of(world.prepared, world.root)
    )
    networks = Networks(student, world.teacher, student)
    size = student.params.input_size
    pictures = [
        batch.to(world.device) for _, batch in picture_batches(rows, world.root, size, False, STUDENT_BATCH)
    ]
    given = teacher_batches(world, TEACHER_BATCH, mirrored=False)

    def ours() -> None:
        evaluate(networks, data, world.cache, {}, sections, Alone(world.device))

    @torch.inference_mode()
    def bare() -> None:
        for _ in networks.students():
            for batch in pictures:
                student.model(batch)
        for one in given:
            world.teacher.model(*one)

    return alternate(
        ours,
        bare,
        world.sizes.pairs,
        items=len(rows),
        item="image",
        note=f"{len(rows)} images, with boxes; without the {profile.evaluation.cost_seconds:g} s a network "
        "in which costs are measured, and without writing",
    )


ROWS = (
    Row(
        "evaluate",
        "evaluate: decoding, three networks, localisation, every figure, the report's page",
        "the three networks' forward passes alone, batches in memory",
        _evaluate,
        target=0.8,
    ),
)
