"""Hours of each stage and bytes of each artifact on larger datasets, computed from stated assumptions.

python -m benchmarks.growth.extrapolate
python -m benchmarks.growth.extrapolate --tflops 100 --cores 16
"""

from collections.abc import Callable
from functools import cache
from typing import Annotated, NamedTuple

import typer

from benchmarks.ablation.workspace import PROJECT
from benchmarks.bench.arithmetic import MultiplyAdds, student_multiply_adds, teacher_multiply_adds
from benchmarks.growth.assumptions import DATASETS, HOUR, Assumptions, Dataset
from wsdkd.cache.writing.estimate import assumed_size, feature_width
from wsdkd.profiles import Profile, load_profile
from wsdkd.teacher.run import fused_views


class Work(NamedTuple):
    """What a stage does in all."""

    multiply_adds: float = 0.0
    core_seconds: float = 0.0
    one_core_seconds: float = 0.0
    """Of one core, however many there are."""


class Networks(NamedTuple):
    """Multiply-adds of an image."""

    training: float
    """A teacher's step, the mean over the sizes it is trained at."""
    teacher: int
    """Its forward pass at the size of the cache."""
    tested: int
    """Its forward passes in a test, all that are fused."""
    student: MultiplyAdds


def hours(assumed: Assumptions) -> str:
    """A table of hours: a row a stage, two numbers a dataset."""
    found = [(dataset, work(dataset, assumed)) for dataset in DATASETS]
    head = ["stage", *(f"{dataset.name}: 1 GPU / {assumed.gpus}" for dataset, _ in found)]
    lines = [f"| {' | '.join(head)} |", f"|---|{'---:|' * len(found)}"]
    for stage in found[0][1]:
        cells = [f"{_hours(each[stage], assumed, 1)} / {_hours(each[stage], assumed)}" for _, each in found]
        lines.append(f"| `{stage}` | {' | '.join(cells)} |")
    return "\n".join(lines)


def work(dataset: Dataset, assumed: Assumptions) -> dict[str, Work]:
    """What each stage does on a dataset, nothing kept in memory from one epoch to the next."""
    profile, networks = load(dataset.profile), _networks(dataset.profile, dataset.classes)
    images, train, test = dataset.train + dataset.test, dataset.train, dataset.test
    first = profile.distill_features.training.epochs * train
    second = profile.distill_predictions.training.epochs * train
    taught = profile.teacher.training.epochs * train
    step = networks.student.step

    def student(views: int, cached: bool) -> Work:
        each = assumed.small_decode_ms + assumed.cached_view_ms * cached
        return Work(float(views) * step, views * each / 1e3)

    seen = test * (networks.tested + 2 * networks.student.forward)
    looked_at = test * (assumed.decode_ms + 2 * assumed.small_decode_ms)
    return {
        "prepare": Work(core_seconds=images * assumed.prepare_ms / 1e3),
        "propose": Work(core_seconds=images * assumed.search_ms / 1e3),
        "train_teacher": Work(taught * networks.training, taught * assumed.decode_ms / 1e3),
        "cache_teacher": Work(2.0 * train * networks.teacher, 2 * train * assumed.decode_ms / 1e3),
        "train_baseline": student(first + second, cached=False),
        "distill_features": student(first, cached=True),
        "distill_predictions": student(second, cached=True),
        "evaluate": Work(float(seen), looked_at / 1e3, train * assumed.cached_view_ms / 1e3),
    }


def sizes(assumed: Assumptions) -> str:
    """A table of bytes: a row an artifact, a column a dataset."""
    found = [(dataset, artifacts(dataset, assumed)) for dataset in DATASETS]
    lines = [f"| | {' | '.join(dataset.name for dataset, _ in found)} |", f"|---|{'---:|' * len(found)}"]
    lines += [f"| {name} | {' | '.join(_bytes(each[name]) for _, each in found)} |" for name in found[0][1]]
    return "\n".join(lines)


def artifacts(dataset: Dataset, assumed: Assumptions) -> dict[str, float]:
    """Bytes of what a run needs and leaves, and of memory."""
    profile, images = load(dataset.profile), dataset.train + dataset.test
    regions = profile.teacher.proposals
    cached = assumed_size(
        dataset.train, dataset.classes, regions, feature_width(profile.teacher), profile.cache
    )
    return {
        "photographs": float(images * assumed.photograph_bytes),
        "`data/prepared/images.parquet`": float(images * assumed.row_bytes),
        "`data/proposals`": float(images * regions * assumed.box_bytes),
        "the same unpacked, once a machine": float(images * regions * assumed.box_bytes),
        "`data/teacher_cache`": float(cached.total),
        "of it `cache.json`": float(cached.parts()["manifest"]),
        "of it `images.parquet`": float(cached.parts()["list of images"]),
        "memory of a training process, besides the network and `WSDKD_MEMORY_GB`": float(
            dataset.train * assumed.table_bytes
        ),
    }


def costs(assumed: Assumptions) -> str:  # noqa: ARG001, as the other parts
    """A line of multiply-adds for each profile that the datasets take."""
    lines = []
    for profile, classes in dict.fromkeys((each.profile, each.classes) for each in DATASETS):
        networks = _networks(profile, classes)
        lines.append(
            f"- `{profile}`, {classes} classes, multiply-adds an image: a training step of the teacher "
            f"{networks.training / 1e9:,.0f} G, its forward pass {networks.teacher / 1e9:,.0f} G, a training "
            f"step of the student {networks.student.step / 1e9:,.1f} G, its forward pass "
            f"{networks.student.forward / 1e9:,.1f} G"
        )
    return "\n".join(lines)


def taken(assumed: Assumptions) -> str:
    """The assumptions as a list."""
    return "\n".join(
        [
            f"- A GPU sustains {assumed.tflops:g} TFLOP/s. {assumed.gpus} together reach "
            f"{assumed.scaling:.0%} of their sum. Beside each are {assumed.cores} cores.",
            f"- A core takes {assumed.prepare_ms:g} ms to read, hash and decode a photograph, "
            f"{assumed.search_ms:g} ms to search it for boxes, {assumed.decode_ms:g} ms to decode it for the "
            f"teacher and {assumed.small_decode_ms:g} ms for the student, {assumed.cached_view_ms:g} ms to "
            "read a cached view.",
            f"- A photograph is a file of {assumed.photograph_bytes / 1e3:g} kB, a row of `images.parquet` "
            f"{assumed.row_bytes} bytes, a proposal {assumed.box_bytes} bytes.",
            f"- A process has {assumed.table_bytes} bytes of memory for each image of its split.",
        ]
    )


@cache
def load(name: str) -> Profile:
    """A profile of the project."""
    return load_profile(PROJECT / "profiles" / f"{name}.yaml")


@cache
def _networks(name: str, classes: int) -> Networks:
    profile = load(name)
    teacher, views = profile.teacher, fused_views(profile.teacher)
    trained_at, tested_at = list(teacher.train_sizes), [view.size for view in views]
    found = teacher_multiply_adds(teacher, classes, [*trained_at, teacher.input_size, *tested_at])
    steps = [each.step for each in found[: len(trained_at)]]
    return Networks(
        sum(steps) / len(steps),
        found[len(trained_at)].forward,
        sum(each.forward for each in found[len(trained_at) + 1 :]),
        student_multiply_adds(profile.student, classes),
    )


def _hours(done: Work, assumed: Assumptions, gpus: int | None = None) -> str:
    gpus = assumed.gpus if gpus is None else gpus
    scaling = assumed.scaling if gpus > 1 else 1.0
    computing = 2 * done.multiply_adds / (assumed.tflops * 1e12 * gpus * scaling)
    loading = done.core_seconds / (assumed.cores * gpus) + done.one_core_seconds
    longest = max(computing, loading) / HOUR
    # Letters tell what the stage waits for.
    return f"{_figure(longest)} {'g' if computing >= loading else 'c'}"


def _figure(value: float) -> str:
    return f"{value:,.0f}" if value >= 10 else f"{value:.2g}"


def _bytes(value: float) -> str:
    for unit, scale in (("PB", 1e15), ("TB", 1e12), ("GB", 1e9), ("MB", 1e6)):
        if value >= scale:
            return f"{value / scale:,.3g} {unit}"
    return f"{value / 1e3:,.3g} kB"


PARTS: dict[str, Callable[[Assumptions], str]] = {
    "assumptions": taken,
    "costs": costs,
    "hours": hours,
    "bytes": sizes,
}
"""Of docs/scaling.md."""


def main(
    tflops: Annotated[float, typer.Option(min=0.1, help="10^12 operations a second of a GPU.")] = 20.0,
    gpus: Annotated[int, typer.Option(min=1, help="In the second column.")] = 64,
    cores: Annotated[int, typer.Option(min=1, help="Beside each GPU.")] = 8,
) -> None:
    """Print what the page has, for other machines."""
    assumed = Assumptions(tflops=tflops, gpus=gpus, cores=cores)
    for make in PARTS.values():
        typer.echo(f"{make(assumed)}\n")


if __name__ == "__main__":
    typer.run(main)
