"""In which frame a photograph's boxes were drawn, and what of them lies inside.

A photograph may be stored on its side, with a mark (EXIF) how to turn it upright. Tools differ in which of
the two pictures they draw on and in which size they write down, and some mix both. What tells, in this order:
boxes that fit one of the two alone; the size that was written down, unless such boxes of other images
gainsay it throughout; and where neither tells, upright, which is what tools show.
"""

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Literal

import numpy as np

from wsdkd.data.annotations import ObjectRow
from wsdkd.data.boxes import area, clip, turn_upright
from wsdkd.data.images import Measured
from wsdkd.datasets.reading.records import ImageRecord
from wsdkd.datasets.reading.rejections import Cause, Rejection

Frame = Literal["upright", "stored"]
Size = tuple[int, int]

NEAR = 2
"""Pixels that a tool's rounding may add to or take from a side."""


def other_size(record: ImageRecord, measured: Measured) -> str | None:
    """How the annotated size differs from both of the picture's, in words; None where it is nearly one."""
    if record.annotated_size is None or any(_near(record.annotated_size, size) for size in _sizes(measured)):
        return None
    return _words(record.annotated_size, measured)


def told_by_boxes(record: ImageRecord, measured: Measured) -> Frame | None:
    """The frame that some boxes fit alone, if none fits the other alone."""
    upright, stored = _sizes(measured)
    if upright == stored or not record.objects:
        return None
    boxes = np.array([item.box for item in record.objects], np.float64)
    fits_upright, fits_stored = _fits(boxes, upright), _fits(boxes, stored)
    alone = {"upright": (fits_upright & ~fits_stored).any(), "stored": (fits_stored & ~fits_upright).any()}
    if alone["upright"] == alone["stored"]:
        return None
    return "upright" if alone["upright"] else "stored"


def told_by_size(record: ImageRecord, measured: Measured) -> Frame | None:
    """The frame whose size was written down, or nearly."""
    noted, (upright, stored) = record.annotated_size, _sizes(measured)
    if noted is None or upright == stored:
        return None
    if noted in (upright, stored):
        return "upright" if noted == upright else "stored"
    return "upright" if _near(noted, upright) else "stored"


class Frames:
    """The frame of each image's boxes.

    Args:
        turned: images whose pictures an EXIF orientation turns, with boxes.
        drawn_on: the frame of all boxes; ``auto`` for what tells.
    """

    def __init__(
        self,
        turned: Iterable[tuple[ImageRecord, Measured]],
        drawn_on: Literal["auto", "upright", "stored"] = "auto",
    ):
        self.drawn_on = drawn_on
        self.count: Counter[Frame] = Counter()
        votes: Counter[tuple[Frame | None, Frame | None]] = Counter()
        for record, measured in turned:
            votes[told_by_size(record, measured), told_by_boxes(record, measured)] += 1
        self._gainsaid = {size for size in ("upright", "stored") if _gainsaid(votes, size)}

    def of(self, record: ImageRecord, measured: Measured) -> tuple[Frame, str | None]:
        """The frame of an image's boxes, and what is in doubt about it, if anything."""
        frame, doubt = self._frame(record, measured)
        if measured.orientation != 1:
            self.count[frame] += 1
        return frame, doubt

    def _frame(self, record: ImageRecord, measured: Measured) -> tuple[Frame, str | None]:
        if self.drawn_on != "auto":
            return self.drawn_on, None
        by_boxes, by_size = told_by_boxes(record, measured), told_by_size(record, measured)
        if by_boxes is not None:
            gainsays = by_size not in (None, by_boxes)
            return (
                by_boxes,
                f"boxes fit the {by_boxes} picture alone, its size the other" if gainsays else None,
            )
        if by_size is None:
            return "upright", None
        if by_size in self._gainsaid:
            frame: Frame = "stored" if by_size == "upright" else "upright"
            return frame, f"the size is of the {by_size} picture, but other images' boxes never were"
        return by_size, None


def _gainsaid(votes: Counter[tuple[Frame | None, Frame | None]], size: Frame) -> bool:
    # Whether boxes that tell fit the other frame in every image of this size.
    other: Frame = "stored" if size == "upright" else "upright"
    return votes[size, other] > 0 and votes[size, size] == 0


def place_boxes(
    record: ImageRecord, measured: Measured, frames: Frames
) -> tuple[list[ObjectRow], list[Rejection]]:
    """The objects of an image with their boxes in the upright picture, clipped to it.

    Args:
        record: with boxes as annotated.
        measured: the picture, of the annotated size or nearly.
        frames: in which boxes were drawn.

    Returns:
        Objects; and what is listed: those without an area inside of the image, and what is in doubt.
    """
    listed: list[Rejection] = []

    def list_(kind: Literal["object", "warning"], reason: str, cause: Cause) -> None:
        listed.append(Rejection(kind, record.image_id, record.path, reason, cause))

    upright, stored = _sizes(measured)
    if record.annotated_size not in (None, upright, stored):
        list_("warning", _words(record.annotated_size, measured), Cause.NEARLY_THE_SIZE)
    frame, doubt = frames.of(record, measured)
    if doubt is not None:
        list_("warning", f"{doubt}: taken as drawn on the {frame} one", Cause.FRAME)
    boxes = np.array([item.box for item in record.objects], np.float64).reshape(-1, 4)
    if frame == "stored":
        boxes = turn_upright(boxes, measured.orientation, *stored)
    kept: list[ObjectRow] = []
    for item, whole, part in zip(record.objects, boxes.tolist(), clip(boxes, *upright), strict=True):
        reason = None
        if not all(map(math.isfinite, whole)):
            reason = f"box {_show(whole)} is not finite"
        elif whole[2] <= whole[0] or whole[3] <= whole[1]:
            reason = f"box {_show(whole)} is empty"
        elif area(part[None])[0] <= 0:
            reason = f"box {_show(whole)} lies outside of the image of {upright[0]} x {upright[1]} pixels"
        if reason is not None:
            list_("object", reason, Cause.EMPTY_BOX)
            continue
        x1, y1, x2, y2 = part.tolist()
        kept.append(ObjectRow(record.image_id, item.label, x1, y1, x2, y2, item.difficult, item.crowd))
    return kept, listed


def _words(annotated: Size, measured: Measured) -> str:
    noted = f"{annotated[0]} x {annotated[1]}"
    return f"{measured.width} x {measured.height} pixels, but annotated as {noted}"


def _sizes(measured: Measured) -> tuple[Size, Size]:
    return (measured.width, measured.height), measured.stored_size


def _fits(boxes: np.ndarray, size: Size) -> np.ndarray:
    limits = np.array([*size, *size]) + NEAR
    fits: np.ndarray = np.all((boxes >= -NEAR) & (boxes <= limits), axis=1)
    return fits


def _near(first: Size, second: Size) -> bool:
    return all(abs(one - other) <= NEAR for one, other in zip(first, second, strict=True))


def _show(box: Sequence[float]) -> str:
    return "(" + ", ".join(f"{value:g}" for value in box) + ")"
