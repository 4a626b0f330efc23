"""How large a student is, how much it computes and how fast it is, by its backbone.

    python -m benchmarks.student_sizes           # sizes: nothing is computed, the same on every machine
    python -m benchmarks.student_sizes --speeds  # and speeds, in turns on one thread

It writes the tables of docs/backbones.md.
"""

import time
from collections.abc import Sequence
from datetime import UTC, datetime
from statistics import median

import torch
from tqdm import tqdm

from benchmarks import command, parts
from benchmarks.backbones import PAGE
from wsdkd.evaluation.cost import count_multiply_adds, count_parameters
from wsdkd.ground.origin import processor, versions
from wsdkd.networks.params import Network
from wsdkd.networks.precision import placed
from wsdkd.student.network import Student
from wsdkd.student.params import StudentParams

NAMES = (
    "mobilenetv3_small_100",
    "mobilenetv4_conv_small",
    "tf_efficientnet_lite0",
    "tf_efficientnet_lite1",
    "tf_efficientnet_lite2",
    "efficientnet_b0",
    "resnet18",
    "resnet50",
    "convnext_tiny",
    "vgg16",
)
USUAL = "tf_efficientnet_lite0"
SIDES = (160, 224)
"""Of the drawn scenes' student, and of the paper's."""
CLASSES = 20
BATCH = 16
BY_PIP = ("tf_efficientnet_lite0", "tf_efficientnet_lite1", "tf_efficientnet_lite2")


def size(name: str, side: int) -> tuple[int, int]:
    """Parameters of a student whose backbone is used whole, and multiply-adds of a picture.

    Args:
        name: of the backbone.
        side: of the square input, in pixels.
    """
    network = Network(backbone=name, weights=None, stride=16)
    with torch.device("meta"):
        model = Student(StudentParams(network=network, input_size=side), CLASSES).eval()
        picture = torch.zeros(1, 3, side, side, dtype=torch.uint8)
        return count_parameters(model), count_multiply_adds(lambda: model(picture))


def table() -> str:
    """A row a backbone, the one that computes least first."""
    found = {name: [size(name, side) for side in SIDES] for name in tqdm(NAMES)}
    usual = found[USUAL][0][1]
    lines = [
        "| Backbone | Parameters | "
        + " | ".join(f"Multiply-adds at {side} px" for side in SIDES)
        + " | Times the usual one's | ImageNet weights |",
        "|---|---:|---:|---:|---:|---|",
    ]
    for name, each in sorted(found.items(), key=lambda item: item[1][0][1]):
        costs = " | ".join(f"{multiply_adds / 1e9:.2f} G" for _, multiply_adds in each)
        weights = "come with pip" if name in BY_PIP else "are downloaded, or a file"
        share = each[0][1] / usual
        lines.append(f"| `{name}` | {each[0][0] / 1e6:.1f} M | {costs} | {share:.2g} | {weights} |")
    return "\n".join(lines)


def speeds(
    names: Sequence[str] = NAMES, side: int = SIDES[0], rounds: int = 9
) -> dict[str, tuple[float, float]]:
    """Pictures that a student labels in a processor's second, and the median ratio to the usual one's.

    In seconds of the processor, on one thread and in turns, other work on the machine hardly counts.

    Args:
        names: backbones, the usual one among them.
        side: of the square input, in pixels.
        rounds: how often each is timed, after one pass to warm up.
    """
    torch.set_num_threads(1)
    pictures = torch.zeros(BATCH, 3, side, side, dtype=torch.uint8).contiguous(
        memory_format=torch.channels_last
    )
    students = {name: _student(name, side) for name in names}
    spent: dict[str, list[float]] = {name: [] for name in names}
    with torch.inference_mode():
        for turn in tqdm(range(rounds + 1), "speeds"):
            for name, model in students.items():
                started = time.process_time()
                model(pictures)
                if turn:
                    spent[name].append(time.process_time() - started)
    return {
        name: (
            BATCH / median(seconds),
            median(usual / own for usual, own in zip(spent[USUAL], seconds, strict=True)),
        )
        for name, seconds in spent.items()
    }


def _student(name: str, side: int) -> Student:
    network = Network(backbone=name, weights=None, stride=16)
    model = Student(StudentParams(network=network, input_size=side), CLASSES).eval()
    return placed(model, torch.device("cpu"))


def speeds_table() -> str:
    """A row a backbone, the fastest first."""
    found = sorted(speeds().items(), key=lambda item: -item[1][0])
    lines = ["| Backbone | Pictures a second | Times as fast as the usual one |", "|---|---:|---:|"]
    lines += [f"| `{name}` | {speed:.0f} | {ratio:.2f} |" for name, (speed, ratio) in found]
    day = datetime.now(UTC).date().isoformat()
    told = ", ".join(f"{package} {number}" for package, number in versions(("torch", "timm")).items())
    return "\n".join(
        [*lines, "", f"{processor()}, one thread, {SIDES[0]} px, batches of {BATCH}, fp32; {day}; {told}."]
    )


def main(*, speeds: bool = False) -> None:
    """Write the tables; that of the speeds only where it is asked for."""
    kept = PAGE.read_text(encoding="utf-8")
    old = next(found[0] for found in parts.part_pattern("students").finditer(kept) if found[2] == "speeds")
    before = "\n".join(old.splitlines()[1:-1])
    parts.rewrite(PAGE, "students", {"sizes": table, "speeds": speeds_table if speeds else lambda: before})


if __name__ == "__main__":
    command.run(main)
