"""An exported student that can be asked: one file, and no project."""

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from wsdkd.ground.errors import UserError
from wsdkd.serving.exported import Exported, load_exported


@dataclass(frozen=True, eq=False)
class ReadyFile:
    """An exported student in memory, see :class:`wsdkd.server.asked.Ready`."""

    name: str
    student: Exported
    mark: object
    version: None = None

    @property
    def classes(self) -> list[str]:
        """Names of the K classes."""
        return self.student.classes

    @property
    def size(self) -> int:
        """Side of the square input, in pixels."""
        return self.student.size

    @property
    def thresholds(self) -> np.ndarray:
        """(K,)."""
        return self.student.thresholds

    @property
    def origin(self) -> str:
        """Of the thresholds, in words."""
        return self.student.origin

    def outputs(self, pictures: Sequence[np.ndarray]) -> np.ndarray:
        """Calibrated probabilities, (B, K): the file holds the calibration."""
        return self.student.scores(pictures)

    def probabilities(self, outputs: np.ndarray) -> np.ndarray:
        """The outputs themselves."""
        return outputs

    def heat(self, _picture: np.ndarray, _places: Sequence[int]) -> Sequence[np.ndarray]:
        """None: the file gives no feature map."""
        return ()


class ExportedStudent:
    """The one student of a server without a project; taken anew when another file takes its place.

    Args:
        path: of the ONNX file.
    """

    def __init__(self, path: Path) -> None:
        self.path, self.first = path, path.stem
        self.failures: dict[str, str] = {}
        self._one = threading.Lock()
        self._ready = self._load()

    def names(self) -> list[str]:
        """Its own."""
        return [self.first]

    def get(self, name: str) -> ReadyFile:
        """The student.

        Raises:
            UserError: it has another name.
        """
        if name != self.first:
            raise UserError(f"no student {name!r}; there is: {self.first}")
        return self._ready

    def refresh(self) -> list[str]:
        """Load the file again if it is another one now; the one before stays where that fails."""
        with self._one:
            if _mark(self.path) == self._ready.mark:
                return []
            try:
                self._ready = self._load()
            except (UserError, OSError) as error:
                self.failures[self.first] = str(error)
                return []
            self.failures.clear()
            return [self.first]

    def _load(self) -> ReadyFile:
        mark = _mark(self.path)
        return ReadyFile(self.first, load_exported(self.path), mark)


def _mark(path: Path) -> object:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_ino, status.st_mtime_ns, status.st_size
