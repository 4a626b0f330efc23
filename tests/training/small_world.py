"""A handful of pictures with a coloured square each, and networks small enough to learn them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from accelerate import Accelerator
from accelerate.state import AcceleratorState
from PIL import Image

from wsdkd.cache.view import CachedView
from wsdkd.data.tables import ImageRow
from wsdkd.ground.ids import IdIndex
from wsdkd.networks.params import Network
from wsdkd.proposals.stored import Proposals
from wsdkd.scores import relative_scores
from wsdkd.student.params import StudentParams
from wsdkd.teacher.params import RoiPooling, TeacherParams
from wsdkd.training.learner import Objective
from wsdkd.training.loader import Supervision
from wsdkd.training.loop import Phase, Task, fit
from wsdkd.training.params import Optimisation
from wsdkd.training.pictures import Pictures
from wsdkd.training.processes import seed_all, start
from wsdkd.training.record import Record, Resume

COLOURS = ((230, 30, 30), (30, 230, 30), (30, 30, 230))
CLASSES = ["red", "green", "blue"]
WIDTH, HEIGHT, SIZE = 48, 32, 32
FEATURES = 6
NETWORK = Network(weights=None, stages=3, stride=8)
TRAINING = Optimisation(epochs=3, batch_size=4, learning_rate=3e-3, seed=1)
STUDENT = StudentParams(network=NETWORK, input_size=SIZE, pooling="max")
TEACHER = TeacherParams(
    network=NETWORK,
    input_size=SIZE,
    train_sizes=(SIZE,),
    roi=RoiPooling(bins=2),
    hidden=16,
    dropout=0.2,
    training=TRAINING,
)


@dataclass
class Curves:
    """Stands in for dvclive: keeps what is logged, epoch by epoch."""

    step: int = 0
    logged: list[tuple[int, str, float]] = field(default_factory=list)

    def log_metric(self, name: str, value: float) -> None:
        self.logged.append((self.step, name, value))

    def next_step(self) -> None:
        self.step += 1

    def of(self, name: str) -> list[float]:
        return [value for _, logged, value in self.logged if logged == name]


@dataclass(frozen=True)
class World:
    root: Path
    rows: list[ImageRow]
    proposals: Proposals


def make_world(root: Path, images: int = 12) -> World:
    rng = np.random.default_rng(0)
    rows, boxes, scores = [], [], []
    for place in range(images):
        label = place % len(CLASSES)
        picture = rng.integers(90, 160, (HEIGHT, WIDTH, 3), dtype=np.uint8)
        x, y = int(rng.integers(0, WIDTH - 16)), int(rng.integers(0, HEIGHT - 16))
        picture[y : y + 16, x : x + 16] = COLOURS[label]
        Image.fromarray(picture).save(root / f"{place}.png")
        rows.append(ImageRow(str(place), f"{place}.png", WIDTH, HEIGHT, "train", (label,), (), str(place)))
        boxes.append(np.array([[x, y, x + 16, y + 16], [0, 0, WIDTH, HEIGHT], [4, 4, 12, 20]], np.float32))
        scores.append(np.array([1.0, 0.5, 0.25], np.float32))
    offsets = np.arange(images + 1) * 3
    images = IdIndex(row.image_id for row in rows)
    proposals = Proposals(images, offsets, np.concatenate(boxes), np.concatenate(scores))
    return World(root, rows, proposals)


class HandMadeCache:
    """Stands in for the teacher's cache: views made of the proposals, the first regions chosen."""

    classes = CLASSES
    feature_dim = FEATURES

    def __init__(self, world: World, chosen: Callable[[int], int] = lambda _: 2):
        self.world, self.chosen = world, chosen

    def view(self, image_id: str, mirrored: bool) -> CachedView:
        boxes, objectness = self.world.proposals.of(image_id)
        rng = np.random.default_rng([int(image_id), mirrored])
        count = self.chosen(int(image_id))
        class_logits, detection_logits = rng.normal(size=(2, 3, len(CLASSES))).astype(np.float32)
        chosen = np.arange(count, dtype=np.int32)[::-1].copy()
        return CachedView.of(
            class_logits=class_logits,
            detection_logits=detection_logits,
            boxes=boxes,
            objectness=objectness,
            chosen=chosen,
            confidence=np.linspace(1, 0.5, count, dtype=np.float32),
            shares=relative_scores(class_logits, detection_logits)[chosen],
            features=rng.random((count, FEATURES), dtype=np.float32),
        )


def record_in(curves: Curves, states: Resume | None = None) -> Record:
    return Record("test", curves, states or Resume(None), validate=dict)  # type: ignore[arg-type]


def fresh_start(params: Optimisation) -> Accelerator:
    """An accelerator that knows nothing of earlier ones in this process."""
    AcceleratorState._reset_state(True)
    return start(params)


def train(
    make: Callable[[], Objective],
    world: World,
    supervision: Supervision,
    params: Optimisation = TRAINING,
    sizes: Sequence[int] = (SIZE,),
    seed: int = 0,
) -> tuple[Any, Curves]:
    accelerator = fresh_start(params)
    seed_all(seed)
    objective, curves = make(), Curves()
    pictures = Pictures(world.rows, world.root, sizes)
    fit(Phase(Task(objective, pictures, supervision), params), record_in(curves), accelerator)
    return objective, curves


def same_weights(first: torch.nn.Module, second: torch.nn.Module) -> bool:
    other = second.state_dict()
    return all(torch.equal(value, other[name]) for name, value in first.state_dict().items())
