"""The students of a project that can be asked, loaded when they are, and anew when they have changed."""

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from wsdkd import project
from wsdkd.evaluation.operating_point import OperatingPoint
from wsdkd.ground.errors import UserError
from wsdkd.networks.decoding import as_batch
from wsdkd.networks.description import DESCRIPTION
from wsdkd.networks.precision import computing_in, placed
from wsdkd.networks.weights import NothingDrawn
from wsdkd.serving.named import student_named
from wsdkd.serving.store import Store
from wsdkd.student.heat import class_heat
from wsdkd.student.network import LoadedStudent, load_student

NAMES = ("promoted", "student", "baseline")


@dataclass(frozen=True, eq=False)
class Ready:
    """A student in memory.

    Attributes:
        name: by which it was asked for.
        folder: that it was loaded from; of a promoted one, its last part is its version.
        loaded: the network.
        point: its operating point.
        mark: changes when what the name stands for does.
    """

    name: str
    folder: Path
    loaded: LoadedStudent
    point: OperatingPoint
    mark: object

    @property
    def version(self) -> str | None:
        """Of a promoted one."""
        return self.folder.name if self.folder.parent.name == "versions" else None

    @property
    def classes(self) -> list[str]:
        """Names of the K classes."""
        return self.loaded.classes

    @property
    def size(self) -> int:
        """Side of the square input, in pixels."""
        return self.loaded.params.input_size

    @property
    def thresholds(self) -> np.ndarray:
        """(K,)."""
        return self.point.thresholds

    @property
    def origin(self) -> str:
        """Of the thresholds, in words."""
        return self.point.origin

    @torch.inference_mode()
    def outputs(self, pictures: Sequence[np.ndarray]) -> np.ndarray:
        """Logits of pictures, uint8 (size, size, 3) each: float32 (B, K)."""
        with computing_in("auto", _device()):
            found: np.ndarray = self.loaded.model(as_batch(pictures).to(_device())).cpu().numpy()
        return found

    def probabilities(self, outputs: np.ndarray) -> np.ndarray:
        """Calibrated ones, (K,), of one picture's logits."""
        return self.point.probabilities(outputs)

    def heat(self, picture: np.ndarray, places: Sequence[int]) -> Sequence[np.ndarray]:
        """Where each of some classes is seen in a picture, uint8 (size, size, 3): (h, w)."""
        return list(class_heat(self.loaded.model, as_batch([picture]).to(_device()), [places])[0])


class Students:
    """Of the project in the current folder, and one in a folder elsewhere where that is named.

    Args:
        first: name or folder of the student that answers unless another is asked for.
    """

    def __init__(self, first: str) -> None:
        self.first = first
        self.failures: dict[str, str] = {}
        self._ready: dict[str, Ready] = {}
        self._one = threading.Lock()

    def names(self) -> list[str]:
        """Those that can be asked for; the one that answers otherwise comes first."""
        return list(dict.fromkeys([self.first, *(name for name in NAMES if _mark(name) is not None)]))

    def get(self, name: str) -> Ready:
        """A student, from memory where it is there already; may take seconds otherwise.

        Raises:
            UserError: there is none of that name.
        """
        # First: to look which there are reads files, and this is called for each picture.
        found = self._ready.get(name)
        if found is not None:
            return found
        if name not in self.names():
            raise UserError(f"no student {name!r}; there are: {', '.join(self.names())}")
        return self._load(name)

    def refresh(self) -> list[str]:
        """Load anew what has changed since it was loaded; those before answer until it is there.

        Returns:
            Names of those that were loaded. What cannot be loaded stays as it was, see ``failures``.
        """
        changed = []
        for name, ready in list(self._ready.items()):
            if _mark(name) == ready.mark:
                continue
            try:
                self._load(name)
            except (UserError, OSError) as error:
                self.failures[name] = str(error)
            else:
                changed.append(name)
        return changed

    def _load(self, name: str) -> Ready:
        with self._one:
            mark = _mark(name)
            known = self._ready.get(name)
            if known is not None and known.mark == mark:
                return known
            named = student_named(name)
            with NothingDrawn():
                loaded = load_student(named.folder)
            placed(loaded.model, _device())
            ready = Ready(name, named.folder, loaded, named.operating_point(loaded), mark)
            self._ready[name] = ready
            self.failures.pop(name, None)
            return ready


def _device() -> torch.device:
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def _mark(name: str) -> object:
    """What differs after a promotion, a rollback or a training; None where there is no such student."""
    folders = dict(zip(NAMES, (project.PROMOTED, project.STUDENT, project.BASELINE), strict=True))
    folder = folders.get(name, Path(name))
    store = Store(folder)
    try:
        current = store.ledger().current
    except UserError:
        return None
    if current is not None:
        return current
    try:
        status = (folder / DESCRIPTION).stat()
    except OSError:
        return None
    return status.st_ino, status.st_mtime_ns, status.st_size
