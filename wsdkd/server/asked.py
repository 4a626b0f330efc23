"""What the server asks of students, whoever runs them: PyTorch in a project, or ONNX Runtime without it."""

from collections.abc import Sequence
from typing import Protocol

import numpy as np


class Ready(Protocol):
    """A student in memory, with K classes."""

    @property
    def name(self) -> str:
        """By which it was asked for."""

    @property
    def version(self) -> str | None:
        """Of a promoted one."""

    @property
    def classes(self) -> Sequence[str]:
        """Their names, in order."""

    @property
    def size(self) -> int:
        """Side of the square input, in pixels."""

    @property
    def thresholds(self) -> np.ndarray:
        """(K,)."""

    @property
    def origin(self) -> str:
        """Of the thresholds, in words."""

    def outputs(self, pictures: Sequence[np.ndarray]) -> np.ndarray:
        """What the network gives for pictures, uint8 (size, size, 3) each: float32 (B, K)."""

    def probabilities(self, outputs: np.ndarray) -> np.ndarray:
        """Calibrated ones, (K,), of one picture's outputs."""

    def heat(self, _picture: np.ndarray, _places: Sequence[int], /) -> Sequence[np.ndarray]:
        """Where each of some classes is seen in a picture, (h, w), 0 to 1; nothing where that is unknown."""


class Pool(Protocol):
    """The students that can be asked."""

    first: str
    """Answers where none is named."""
    failures: dict[str, str]
    """Why what has changed could not be loaded, by name."""

    def names(self) -> list[str]:
        """Those that can be asked for; :attr:`first` comes first."""

    def get(self, name: str) -> Ready:
        """A student; may take seconds.

        Raises:
            UserError: there is none of that name, or it cannot be loaded.
        """

    def refresh(self) -> list[str]:
        """Load anew what has changed; names of those that were loaded."""
