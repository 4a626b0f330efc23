"""How much of a GPU's memory a training step takes, by profile: tensors are counted, none is computed.

    python -m benchmarks.step_memory

It writes the table of docs/gpu.md. A step is taken on tensors without numbers, and the bytes of those that
live at once are added up; it is the same on every machine. What a GPU needs besides (its context, what cuDNN
works with, gaps between tensors) comes on top.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any, TypeVar
from unittest.mock import patch
from weakref import ref

import torch
from torch import nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from tqdm import tqdm

from benchmarks import command, parts
from benchmarks.bench.arithmetic import untrained
from wsdkd.cache.params import CacheParams
from wsdkd.distill.features import feature_objective
from wsdkd.distill.params import DistillFeaturesParams
from wsdkd.networks import roi_pooling
from wsdkd.networks.backbones import Backbone
from wsdkd.profiles import PROFILES
from wsdkd.settings.sections import load_section
from wsdkd.student.network import Student
from wsdkd.student.params import StudentParams
from wsdkd.teacher.learning import TeacherObjective
from wsdkd.teacher.network import Wsddn
from wsdkd.teacher.params import TeacherParams
from wsdkd.training.learner import Objective
from wsdkd.training.loader import Batch
from wsdkd.training.params import Optimisation

PAGE = Path("docs/gpu.md")
CLASSES = {"coco": 80, "voc2007": 20, "nuswide": 81, "scenes": 20, "cards": 6, "auto": 20}
"""Of each profile's dataset; of one's own, for example."""
STATES = {"adamw": 2, "sgd": 1}
"""Numbers that an optimiser keeps of each weight."""
SINGLE = 4
"""Bytes of a number in fp32."""
PARTS = 4
STEPS = 2
"""What the first leaves is there when the second begins."""
GIB = 2**30

Trained = TypeVar("Trained", TeacherParams, DistillFeaturesParams)


class Living(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Adds up the bytes of a network, and of all tensors that were made within it and are still there.

    Attributes:
        now: bytes.
        most: that they were at once.
    """

    def __init__(self, network: nn.Module | None = None) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.now = self.most = 0
        self._known: dict[int, ref[torch.UntypedStorage]] = {}
        for own in () if network is None else (*network.parameters(), *network.buffers()):
            self._count(own.untyped_storage())

    def __torch_dispatch__(
        self, operation: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        """Do the operation, and count what comes out."""
        result = operation(*args, **(kwargs or {}))
        for leaf in tree_leaves(result):
            if isinstance(leaf, torch.Tensor):
                self._count(leaf.untyped_storage())
        return result

    def _count(self, storage: torch.UntypedStorage) -> None:
        key, size = storage._cdata, storage.nbytes()
        if key in self._known:
            return

        def gone(_: object) -> None:
            self.now -= size
            del self._known[key]

        self._known[key] = ref(storage, gone)
        self.now += size
        self.most = max(self.most, self.now)


@contextmanager
def _as_on_gpu(numbers: bool = False) -> Iterator[None]:
    """Within it tensors have no numbers, unless they are needed, and regions are pooled as on a GPU."""
    on_gpu = patch.object(roi_pooling, "products_are_faster", lambda _: False)
    with on_gpu, nullcontext() if numbers else FakeTensorMode():
        yield


def _autocast(half: bool) -> torch.autocast:
    return torch.autocast("cpu", torch.bfloat16, enabled=half)


def _batch(backbone: Backbone, images: int, side: int, regions: int, classes: int, half: bool) -> Batch:
    """What any objective asks of a batch, with as many regions in each image."""
    pictures = torch.zeros(images, 3, side, side, dtype=torch.uint8)
    with _autocast(half):
        stem = backbone.stem(pictures)
    count = images * regions
    corners = torch.rand(count, 2) * side / 2
    places = torch.arange(images).repeat_interleave(regions)[:, None].float()
    return {
        "stem": stem,
        "rois": torch.cat([places, corners, corners + side / 4], dim=1),
        "objectness": torch.ones(count),
        "labels": torch.ones(images, classes),
        "known": torch.ones(images, classes, dtype=torch.bool),
    }


def training_bytes(objective: Objective, params: Optimisation, batch: Callable[[int], Batch]) -> int:
    """The most that lives at once in a step of training, weights and the optimiser's numbers with it.

    Args:
        objective: with its network.
        params: how it is trained.
        batch: of so many images.
    """
    objective.train()
    objective.backbone.recompute = params.recompute
    with Living(objective) as living:
        for _ in range(STEPS):
            each = [batch(params.batch_size // params.accumulate) for _ in range(params.accumulate)]
            for part in each:
                with _autocast(params.precision != "fp32"):
                    losses = objective(part)
                torch.autograd.backward(torch.stack(list(losses.values())).sum())
                del losses
            objective.zero_grad(set_to_none=True)
            del each, part
    weights = [weight.numel() for weight in objective.parameters() if weight.requires_grad]
    return living.most + SINGLE * STATES[params.optimizer] * sum(weights)


def teacher_bytes(teacher: TeacherParams, classes: int) -> int:
    """Of a step of ``train_teacher`` on pictures of the largest size it takes."""
    # Refinement looks at numbers to find regions.
    with _as_on_gpu(numbers=teacher.refinements > 0):
        network = Wsddn(teacher.model_copy(update=untrained(teacher.network)), classes)
        side, regions = max(teacher.train_sizes), teacher.proposals
        half = teacher.training.precision != "fp32"
        return training_bytes(
            TeacherObjective(network, teacher),
            teacher.training,
            lambda images: _batch(network.backbone, images, side, regions, classes, half),
        )


def cache_bytes(teacher: TeacherParams, images: int, classes: int) -> int:
    """Of a pass of ``cache_teacher`` over so many images in half precision, as ``auto`` is on a GPU.

    What it said of the images before is still there.
    """
    with _as_on_gpu():
        network = Wsddn(teacher.model_copy(update=untrained(teacher.network)), classes).eval()
        with Living(network) as living, torch.no_grad():
            for _ in range(STEPS):
                batch = _batch(network.backbone, images, teacher.input_size, teacher.proposals, classes, True)
                with _autocast(True):
                    said = network.regions(batch["stem"], batch["rois"], batch["objectness"])
            del said  # of the last batch; each is there while the next one is computed
        return living.most


def student_bytes(
    student: StudentParams, features: DistillFeaturesParams, teacher: TeacherParams, rois: int, classes: int
) -> int:
    """Of a step of ``distill_features``."""
    with _as_on_gpu():
        half = features.training.precision != "fp32"
        width = Wsddn(teacher.model_copy(update=untrained(teacher.network)), classes).feature_dim
        network = Student(student.model_copy(update=untrained(student.network)), classes)

        def batch(images: int) -> Batch:
            made = _batch(network.backbone, images, student.input_size, rois, classes, half)
            count = images * rois
            return made | {
                "taught": made["known"],
                "confidence": torch.ones(count),
                "features": torch.zeros(count, width),
                "region_targets": torch.zeros(count, classes),
            }

        return training_bytes(feature_objective(network, features, width), features.training, batch)


def table() -> str:
    """A row for each profile and stage."""
    lines = [
        "| Profile | Stage | Pictures | As it is | `accumulate: 4` | `recompute: true` | Both |",
        "|---|---|---|---:|---:|---:|---:|",
    ]
    for name, classes in tqdm(CLASSES.items()):
        lines += _rows(name, classes)
    return "\n".join(lines)


def _rows(name: str, classes: int) -> list[str]:
    source = PROFILES / f"{name}.yaml"
    teacher: TeacherParams = load_section("teacher", TeacherParams, source)
    student: StudentParams = load_section("student", StudentParams, source)
    features: DistillFeaturesParams = load_section("distill_features", DistillFeaturesParams, source)
    cache: CacheParams = load_section("cache", CacheParams, source)

    rois = teacher.proposals if cache.rois == "all" else cache.rois

    def changed(section: Trained, change: dict[str, Any]) -> Trained:
        return section.model_copy(update={"training": section.training.model_copy(update=change)})

    changes: list[dict[str, Any]] = [{}, {"accumulate": PARTS}, {"recompute": True}]
    changes.append({**changes[1], **changes[2]})
    teachers = [teacher_bytes(changed(teacher, change), classes) for change in changes]
    students = [
        student_bytes(student, changed(features, change), teacher, rois, classes) for change in changes
    ]
    cached = cache_bytes(teacher, cache.batch_size, classes)
    stages = {
        "train_teacher": (f"{teacher.training.batch_size} of {max(teacher.train_sizes)} px", teachers),
        "cache_teacher": (f"{cache.batch_size} of {teacher.input_size} px", [cached]),
        "distill_features": (f"{features.training.batch_size} of {student.input_size} px", students),
    }
    return [
        f"| `{name}` | `{stage}` | {pictures} | "
        + " | ".join(f"{each / GIB:.2f}" for each in found)
        + " | " * (len(changes) - len(found))
        + " |"
        for stage, (pictures, found) in stages.items()
    ]


def main() -> None:
    """Write the table."""
    parts.rewrite(PAGE, "memory", {"table": table})


if __name__ == "__main__":
    command.run(main)
