"""A student in use, from Python: a picture goes in, labelled scores come out."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from PIL import Image

from wsdkd.ground.errors import UserError
from wsdkd.serving.export import export_student
from wsdkd.serving.labels import Choice
from wsdkd.serving.named import NamedStudent, find_pictures
from wsdkd.student.network import load_student
from wsdkd.student.run import Unreadable, label_pictures

Picture = str | Path | Image.Image | np.ndarray
"""A file, a folder of files, an open picture, or an array: uint8 (H, W, 3), RGB."""


@dataclass(frozen=True)
class Prediction:
    """What a student says of one picture.

    Attributes:
        source: the picture's file, or the picture.
        scores: probability of each class, by its name.
        threshold: labels scored above it are given.

    Examples:
        >>> picture = Prediction(Path("beach.jpg"), {"boat": 0.7, "dog": 0.1, "sea": 0.9}, threshold=0.5)
        >>> picture.labels()
        ['sea', 'boat']
    """

    source: Path | Image.Image
    scores: Mapping[str, float]
    threshold: float

    def labels(self, threshold: float | None = None, top: int | None = None) -> list[str]:
        """Classes scored above a threshold, this picture's or another; the best first, at most ``top``."""
        choice = Choice(list(self.scores), self.threshold if threshold is None else threshold, top)
        return choice.names(np.array(list(self.scores.values())))


class Classifier:
    """A student, or a baseline, that labels pictures, loaded once.

    Attributes:
        classes: names, in the order of the network's logits.
        size: side of the squares, in pixels, that pictures are scaled to.
        threshold: labels scored above it are given: the one that the student was promoted with, or that of
            its project, or 0.5.
    """

    def __init__(self, named: NamedStudent) -> None:
        self._loaded = load_student(named.folder)
        self.classes, self.size = self._loaded.classes, self._loaded.params.input_size
        self.threshold = named.threshold

    def predict(
        self,
        pictures: Picture | Sequence[Picture],
        *,
        batch_size: int = 32,
        unreadable: Literal["refuse", "skip"] = "refuse",
    ) -> list[Prediction]:
        """Score pictures, on a GPU where there is one.

        Args:
            pictures: one or many; of a folder, all pictures in it and below, sorted.
            batch_size: pictures a forward pass.
            unreadable: what to do about a file that is no usable picture.

        Raises:
            UserError: names a file that cannot be read, unless such are skipped.
        """
        many = [pictures] if isinstance(pictures, Picture) else pictures
        device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        found = []
        for outcome in label_pictures(self._loaded, _sources(many), batch_size=batch_size, device=device):
            if not isinstance(outcome, Unreadable):
                scores = dict(zip(self.classes, outcome.scores.tolist(), strict=True))
                found.append(Prediction(outcome.source, scores, self.threshold))
            elif unreadable == "refuse":
                raise UserError(f"{outcome.source}: {outcome.reason}")
        return found

    def export(self, path: str | Path) -> None:
        """Write an ONNX file, once ONNX Runtime gives with it what PyTorch gives.

        Args:
            path: the file; ``wsdkd.serving.export.export_student`` says what it takes and gives.

        Raises:
            UserError: the extra ``export`` is not installed, or the network cannot be exported.
        """
        export_student(self._loaded, Path(path))


def _sources(pictures: Iterable[Picture]) -> list[Path | Image.Image]:
    sources: list[Path | Image.Image] = []
    for picture in pictures:
        if isinstance(picture, np.ndarray):
            sources.append(Image.fromarray(picture))
        elif isinstance(picture, Image.Image):
            sources.append(picture)
        else:
            found = find_pictures([Path(picture)])
            if found.closed:
                folder, reason = found.closed[0]
                raise UserError(f"{folder}: cannot be listed: {reason}")
            sources += found.pictures
    return sources
