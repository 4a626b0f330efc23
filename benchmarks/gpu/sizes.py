"""How much of everything is measured: enough for steady numbers on a data-centre GPU, or just to run."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Size:
    """A network's place in a row.

    Attributes:
        backbone: its name.
        side: of the square input, in pixels.
        batch: images a step.
        stages: of the backbone that are used; None: all.
        proposals: regions an image; of a teacher.
    """

    backbone: str
    side: int
    batch: int
    stages: int | None = None
    proposals: int = 0


@dataclass(frozen=True)
class Sizes:
    """Counts of one run of all rows.

    Attributes:
        pairs: how often two things are timed in turns.
        photographs: JPEG files of 640 x 480 pixels.
        cached: the first this many of them are cached.
        lead_in: steps before the clock starts, in which a loader's workers use up what they have ahead.
        steps: training steps between two looks at the clock.
        calls: forward passes between two looks at the clock.
        matrix: side of the square matrices whose product shows the card's speed.
        teachers: of the rows of the teacher's step; the first fills the cache, too.
        students: of the rows of the student.
        compiler: of torch.compile.
        compared: images whose cached features are compared between card and CPU.
        seeds: of the small pipeline on the CPU.
    """

    pairs: int
    photographs: int
    cached: int
    lead_in: int
    steps: int
    calls: int
    matrix: int
    teachers: tuple[Size, ...]
    students: tuple[Size, ...]
    compiler: str
    compared: int
    seeds: int


FULL = Sizes(
    pairs=5,
    photographs=2048,
    cached=192,
    lead_in=36,  # two batches for each of 16 workers, and some
    steps=12,
    calls=20,
    matrix=8192,
    teachers=(Size("vgg16", 672, 16, proposals=500), Size("resnet50", 448, 32, proposals=500)),
    students=(Size("vgg16", 224, 64), Size("resnet50", 224, 64), Size("tf_efficientnet_lite0", 224, 64)),
    compiler="inductor",
    compared=4,
    seeds=3,
)

_TINY = "tf_efficientnet_lite0"
SMOKE = Sizes(
    pairs=1,
    photographs=8,
    cached=4,
    lead_in=1,
    steps=1,
    calls=1,
    matrix=64,
    teachers=(Size(_TINY, 64, 2, stages=3, proposals=6), Size(_TINY, 32, 2, stages=2, proposals=6)),
    students=(Size(_TINY, 32, 2, stages=2), Size(_TINY, 32, 2, stages=3), Size(_TINY, 48, 2, stages=2)),
    compiler="eager",
    compared=2,
    seeds=1,
)
