"""What was tried with each of some backbones: `python -m benchmarks.backbones`, some minutes on a CPU.

Each is made with random weights, at stride 16 and for pictures of 96 pixels, and used as the pipeline does.
Results stand in docs/backbones.json, and as a table in docs/backbones.md.
"""

import dataclasses
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch
import typer

from benchmarks import command, parts
from benchmarks.bench.sizes import SMOKE
from benchmarks.bench.steps import Steps
from benchmarks.bench.world import PROJECT, World
from wsdkd.cache.reader import TeacherCache
from wsdkd.distill.features import feature_objective
from wsdkd.distill.from_cache import CachedFeatures
from wsdkd.distill.params import DistillFeaturesParams
from wsdkd.evaluation.calibration import Temperature
from wsdkd.evaluation.cost import count_multiply_adds
from wsdkd.evaluation.operating_point import OperatingPoint
from wsdkd.ground.errors import UserError
from wsdkd.ground.files import publish_file
from wsdkd.networks.params import Network
from wsdkd.serving.export import export_student
from wsdkd.student.network import LoadedStudent, Student
from wsdkd.student.params import StudentParams
from wsdkd.teacher.learning import RegionsAndLabels, TeacherObjective
from wsdkd.teacher.network import Wsddn
from wsdkd.training.params import Optimisation
from wsdkd.training.pictures import Pictures
from wsdkd.training.views import View

SIDE, COUNTED_SIDE, FROZEN = 96, 224, 2
RESULTS, PAGE = PROJECT / "docs/backbones.json", PROJECT / "docs/backbones.md"
ONE_STEP = Optimisation(epochs=1, batch_size=2)
TRIED = ("trained", "cached", "exported")

NAMES = (
    "resnet18", "resnext50_32x4d", "resnet50d", "regnety_002", "regnetx_002",
    "convnext_atto", "convnextv2_atto", "mobilenetv2_050", "mobilenetv3_small_050", "mobilenetv4_conv_small",
    "tf_efficientnet_lite0", "tf_efficientnet_lite1", "tf_efficientnet_lite2", "efficientnet_b0", "tresnet_m",
    "swin_tiny_patch4_window7_224", "swinv2_tiny_window8_256", "vit_tiny_patch16_224",
    "deit_tiny_patch16_224", "vit_small_patch14_dinov2", "vit_small_patch16_dinov3", "densenet121",
    "ghostnet_050", "repvgg_a0", "pvt_v2_b0", "hrnet_w18_small", "hiera_tiny_224", "gmlp_ti16_224",
)  # fmt: skip
"""Families of networks, each by a small member."""


def try_backbone(name: str, world: World) -> dict[str, Any]:
    """What came of a backbone: its shape, and for each of :data:`TRIED` ``yes`` or the reason why not."""
    try:
        network = Network(backbone=name, weights=None, stride=16)
        params = StudentParams(network=network, input_size=SIDE)
        student = Student(params, len(world.classes))
        backbone = student.backbone
    except UserError as error:
        return {"name": name, "refused": str(error)}
    frozen = min(FROZEN, len(backbone.stages) - 1)
    params = params.model_copy(update={"network": network.model_copy(update={"frozen_stages": frozen})})
    with_teacher(world, params.network)
    counted = torch.zeros(1, 3, COUNTED_SIDE, COUNTED_SIDE)
    return {
        "name": name,
        "stages": len(backbone.stages),
        "widths": backbone.widths(),
        "stride": backbone.stride,
        "parameters": sum(value.numel() for value in backbone.parameters()),
        "multiply_adds": count_multiply_adds(lambda: backbone.eval()(counted)),
        "cached": _outcome(lambda: cache(world, name)),
        "trained": _outcome(lambda: train(world, params)),
        "exported": _outcome(lambda: export(world, params)),
    }


def with_teacher(world: World, network: Network) -> None:
    """Let the world's teacher have another network, with nothing made by the last one."""
    teacher = world.profile.teacher.model_copy(
        update={"network": network, "input_size": SIDE, "train_sizes": (SIDE,), "hidden": 32}
    )
    world.profile = dataclasses.replace(world.profile, teacher=teacher)
    for made in ("teacher_folder", "teacher", "_fingerprint", "cache"):
        world.__dict__.pop(made, None)


def train(world: World, student: StudentParams) -> None:
    """A step of the teacher and one of a student by recipe `paper`, with their first stages frozen."""
    rows, classes = world.rows[:2], len(world.classes)
    views = [View(0, False, SIDE), View(1, True, SIDE)]
    pictures = Pictures(rows, world.root, [SIDE]).load(views)
    teacher = Wsddn(world.profile.teacher, classes)
    paper = DistillFeaturesParams(recipe="paper", label_weight=1.0, region_weight=1.0, training=ONE_STEP)
    cache = world.cache
    taught = (
        (
            TeacherObjective(teacher, world.profile.teacher),
            RegionsAndLabels(rows, classes, world.proposals, 20),
        ),
        (
            feature_objective(Student(student, classes), paper, cache.feature_dim),
            CachedFeatures(rows, cache, paper),
        ),
    )
    for objective, supervision in taught:
        before = [value.clone() for value in objective.parameters() if value.requires_grad]
        steps = Steps(objective, ONE_STEP)
        steps.take_all([{"stem": objective.backbone.stem(pictures), **supervision(views)}])
        after = [value for value in objective.parameters() if value.requires_grad]
        if not all(torch.isfinite(value).all() for value in after):
            raise UserError("a weight is no longer a number")
        if all(torch.equal(*pair) for pair in zip(before, after, strict=True)):
            raise UserError("no weight has changed")
        steps.learner.close()


def cache(world: World, name: str) -> None:
    """The teacher's outputs on some scenes, written and read back."""
    world.__dict__["cache"] = TeacherCache(world.write_cache(f"cache-{name}"))
    first = world.cached_rows[0].image_id
    if not np.isfinite(world.cache.view(first, mirrored=True).features.astype(np.float32)).all():
        raise UserError("a cached feature is no number")


def export(world: World, params: StudentParams) -> None:
    """A student as an ONNX file that gives what PyTorch gives, or an error."""
    classes = world.classes
    model = Student(params, len(classes)).eval()
    point = OperatingPoint(Temperature(1.0), np.zeros(len(classes)), "0.5 for each class", chosen=False)
    export_student(LoadedStudent(model, params, classes), point, world.folder / "student.onnx")


def _outcome(attempt: Callable[[], None]) -> str:
    try:
        attempt()
    except Exception as error:  # whatever it is: that is what is asked
        return " ".join(str(error).split())[:160] or type(error).__name__
    return "yes"


def table() -> str:
    """The results as a table, and the reasons below it."""
    results = json.loads(RESULTS.read_text(encoding="utf-8"))
    lines = [
        "| Backbone | Stages | Stride | Width | Parameters | Multiply-adds | Trained | Cached | Exported |"
    ]
    lines.append("|---|---:|---:|---:|---:|---:|---|---|---|")
    reasons = []
    for each in results["backbones"]:
        if "refused" in each:
            lines.append(f"| `{each['name']}` | | | | | | refused | | |")
            reasons.append(f"- `{each['name']}`: {each['refused']}")
            continue
        outcomes = [each[what] if each[what] == "yes" else "no" for what in TRIED]
        reasons += [f"- `{each['name']}`, {what}: {each[what]}" for what in TRIED if each[what] != "yes"]
        sizes = f"{each['parameters'] / 1e6:.1f} M | {each['multiply_adds'] / 1e9:.2f} G"
        shape = f"{each['stages']} | {each['stride']} | {each['widths'][-1]}"
        lines.append(f"| `{each['name']}` | {shape} | {sizes} | {' | '.join(outcomes)} |")
    raw = "The raw results are in [backbones.json](backbones.json)."
    return "\n".join([*lines, "", *(reasons or ["Nothing failed."]), "", raw, ""])


def main(names: list[str] = typer.Argument(None), show: bool = False) -> None:  # noqa: B008
    """Try all backbones, or some of them, and write the table; ``--show`` writes it from what is there."""
    chosen = names or list(NAMES)
    known = json.loads(RESULTS.read_text(encoding="utf-8"))["backbones"] if RESULTS.is_file() else []
    found = {each["name"]: each for each in known}
    if not show:
        with TemporaryDirectory() as folder:
            world = World(Path(folder), dataclasses.replace(SMOKE, scenes=4, cached=4))
            for name in chosen:
                started = time.perf_counter()
                found[name] = try_backbone(name, world)
                sys.stderr.write(f"{name}: {time.perf_counter() - started:.0f} s\n")
                ordered = [found[each] for each in NAMES if each in found]
                with publish_file(RESULTS) as aside:
                    content = {"torch": torch.__version__, "side": SIDE, "backbones": ordered}
                    aside.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    parts.rewrite(PAGE, "backbones", {"table": table})


if __name__ == "__main__":
    command.run(main)
