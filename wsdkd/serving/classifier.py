"""A student in use, from Python: a picture goes in, labelled scores come out."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from PIL import Image

from wsdkd.ground.errors import UserError
from wsdkd.networks.params import InferencePrecision
from wsdkd.networks.weights import NothingDrawn
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
        scores: calibrated probability of each class, by its name.
        thresholds: of each class; a label scored above its own is given.

    Examples:
        >>> scores, thresholds = {"boat": 0.4, "dog": 0.1, "sea": 0.9}, {"boat": 0.3, "dog": 0.2, "sea": 0.5}
        >>> picture = Prediction(Path("beach.jpg"), scores, thresholds)
        >>> picture.labels()
        ['sea', 'boat']
        >>> picture.labels(threshold=0.5)
        ['sea']
    """

    source: Path | Image.Image
    scores: Mapping[str, float]
    thresholds: Mapping[str, float]

    def labels(self, threshold: float | None = None, top: int | None = None) -> list[str]:
        """Classes scored above their thresholds, or all above another; the best first, at most ``top``."""
        own = np.array([self.thresholds[name] for name in self.scores])
        choice = Choice(list(self.scores), own if threshold is None else threshold, top)
        return choice.names(np.array(list(self.scores.values())))


class Classifier:
    """A student, or a baseline, that labels pictures, loaded once.

    Attributes:
        classes: names, in the order of the network's logits.
        size: side of the squares, in pixels, that pictures are scaled to.
        thresholds: of each class, by its name: those of the operating point that the student was promoted
            with, or of its project, chosen on its validation images; where it has none, one for all.
        origin: of the thresholds, in words.
    """

    def __init__(self, named: NamedStudent) -> None:
        with NothingDrawn():
            self._loaded = load_student(named.folder)
        self.classes, self.size = self._loaded.classes, self._loaded.params.input_size
        self._point = named.operating_point(self._loaded)
        self.origin = self._point.origin
        self.thresholds = dict(zip(self.classes, self._point.thresholds.tolist(), strict=True))

    def predict(
        self,
        pictures: Picture | Sequence[Picture],
        *,
        batch_size: int = 32,
        unreadable: Literal["refuse", "skip"] = "refuse",
        precision: InferencePrecision = "auto",
    ) -> list[Prediction]:
        """Score pictures, on a GPU where there is one.

        Args:
            pictures: one or many; of a folder, all pictures in it and below, sorted.
            batch_size: pictures a forward pass.
            unreadable: what to do about a file that is no usable picture.
            precision: in which the network computes; ``auto`` is bf16 on a GPU, else fp32.

        Raises:
            UserError: names a file that cannot be read, unless such are skipped.
        """
        many = [pictures] if isinstance(pictures, Picture) else pictures
        device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        found = []
        outcomes = label_pictures(
            self._loaded, _sources(many), batch_size=batch_size, device=device, precision=precision
        )
        for outcome in outcomes:
            if not isinstance(outcome, Unreadable):
                probabilities = self._point.probabilities(outcome.logits).tolist()
                scores = dict(zip(self.classes, probabilities, strict=True))
                found.append(Prediction(outcome.source, scores, self.thresholds))
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
        export_student(self._loaded, self._point, Path(path))


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
