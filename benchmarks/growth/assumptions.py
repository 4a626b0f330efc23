"""What the extrapolation takes for granted. None of it was measured on a GPU: none was at hand."""

from dataclasses import dataclass

HOUR = 3600.0


@dataclass(frozen=True)
class Assumptions:
    """A machine and its data.

    Attributes:
        tflops: 10^12 operations a second that a GPU sustains; a multiply-add is two.
        gpus: in the second column.
        scaling: share of their sum that these reach together.
        cores: a GPU.
        prepare_ms: of a core, to read, hash and decode a photograph.
        search_ms: of a core, to find the boxes of a photograph.
        decode_ms: of a core, to decode a photograph and scale it to the teacher's input.
        small_decode_ms: the same, to the student's input.
        cached_view_ms: of a core, to read a view from the teacher's cache and find its best regions.
        photograph_bytes: of a file.
        row_bytes: of ``images.parquet`` an image.
        box_bytes: of a proposal, on disk and unpacked.
        table_bytes: of memory of its own that a process has for an image of its split: its place in the order
            of an epoch, and in shards that are open where its rows begin.
    """

    tflops: float = 20.0
    gpus: int = 64
    scaling: float = 0.9
    cores: int = 8
    prepare_ms: float = 5.0
    search_ms: float = 200.0
    decode_ms: float = 10.0
    small_decode_ms: float = 6.0
    cached_view_ms: float = 1.0
    photograph_bytes: int = 160_000
    row_bytes: int = 90
    box_bytes: int = 20
    table_bytes: int = 40


@dataclass(frozen=True)
class Dataset:
    """Counts of a dataset.

    Attributes:
        name: in the tables.
        profile: whose networks and epochs are taken.
        train: training images.
        test: test images.
        classes: K.
    """

    name: str
    profile: str
    train: int
    test: int
    classes: int


DATASETS = (
    Dataset("MS-COCO 2014", "coco", 82_783, 40_504, 80),
    Dataset("NUS-WIDE", "nuswide", 125_449, 83_898, 81),
    Dataset("Open Images", "coco", 9_000_000, 125_436, 601),
    Dataset("a billion images", "coco", 1_000_000_000, 125_436, 601),
)
