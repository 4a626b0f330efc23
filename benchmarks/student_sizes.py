"""How large a student is and how much it computes, by its backbone: `python -m benchmarks.student_sizes`.

Networks are built without numbers, and nothing is computed, so this takes seconds and is the same on every
machine. It writes the table of docs/backbones.md.
"""

import torch
from tqdm import tqdm

from benchmarks import command, parts
from benchmarks.backbones import PAGE
from wsdkd.evaluation.cost import count_multiply_adds, count_parameters
from wsdkd.networks.params import Network
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


def main() -> None:
    """Write the table."""
    parts.rewrite(PAGE, "students", {"sizes": table})


if __name__ == "__main__":
    command.run(main)
