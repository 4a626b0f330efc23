"""How much of everything is measured: enough for steady numbers, or just enough to run."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Sizes:
    """Counts of one run of all rows.

    Attributes:
        profile: file below profiles/ whose parameters are used.
        pairs: how often two things are timed in turns.
        scenes: training images drawn.
        cached: the first this many of them are cached.
        tested: the first this many of them are evaluated on, too.
        searched: the first this many are searched for boxes by the bare call of OpenCV.
        steps: training steps between two looks at the clock.
        online_steps: the same where a teacher runs along.
        photographs: files of 640 x 480 pixels that are prepared.
        decoded: files that bare decoding takes.
        labelled: files of the same size that a student labels.
        scored: images of the metrics, of ``classes`` classes.
        classes: see ``scored``.
        calls: of a network with a single image between two looks at the clock.
        large: of the row of VGG16: images a step, regions, sides of the teacher's and student's input.
    """

    profile: str
    pairs: int
    scenes: int
    cached: int
    tested: int
    searched: int
    steps: int
    online_steps: int
    photographs: int
    decoded: int
    labelled: int
    scored: int
    classes: int
    calls: int
    large: tuple[int, int, int, int]


FULL = Sizes(
    profile="scenes",
    pairs=5,
    scenes=1200,  # as many as the profile trains on: starting processes weighs as it does there
    cached=192,
    tested=800,  # as many as the profile tests on: a page's pictures weigh as they do there
    searched=100,
    steps=12,
    online_steps=4,
    photographs=8000,
    decoded=400,
    labelled=5000,
    scored=40_000,
    classes=80,
    calls=60,
    large=(4, 500, 672, 224),
)

SMOKE = Sizes(
    profile="scenes-smoke",
    pairs=1,
    scenes=24,
    cached=12,
    tested=24,
    searched=4,
    steps=1,
    online_steps=1,
    photographs=12,
    decoded=4,
    labelled=6,
    scored=500,
    classes=8,
    calls=2,
    large=(1, 4, 64, 64),
)
