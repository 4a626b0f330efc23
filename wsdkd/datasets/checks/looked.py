"""What decoding found of every image, in some 120 bytes each."""

import struct
from collections import Counter
from collections.abc import Iterable

import numpy as np

from wsdkd.data.images import Measured
from wsdkd.data.likeness import SIDE
from wsdkd.datasets.checks.file import Checked, Unusable

_ROW = struct.Struct("<iiiB?32s")
_FIELDS = np.dtype(
    [
        ("width", "<i4"),
        ("height", "<i4"),
        ("depth", "<i4"),  # place among all depths
        ("orientation", "u1"),
        ("flat", "?"),
        ("digest", "u1", 32),
    ]
)
_GRID = SIDE * SIDE


class Looked:
    """Results of decoding, in order.

    Args:
        results: of each image.
        count: how many there are.
    """

    def __init__(self, results: Iterable[Checked | Unusable], count: int):
        self._rows, self._grids = bytearray(_ROW.size * count), bytearray(_GRID * count)
        self._depths: dict[str | None, int] = {None: 0}
        self.unusable: dict[int, Unusable] = {}
        """Why images cannot be used, by their places."""
        for place, result in enumerate(results):
            self.put(place, result)

    def put(self, place: int, result: Checked | Unusable) -> None:
        """Take a result in place of another."""
        self.unusable.pop(place, None)
        if isinstance(result, Unusable):
            self.unusable[place] = result
            return
        measured = result.measured
        _ROW.pack_into(
            self._rows,
            _ROW.size * place,
            measured.width,
            measured.height,
            self._depths.setdefault(measured.depth, len(self._depths)),
            measured.orientation,
            measured.flat,
            bytes.fromhex(result.digest),
        )
        self._grids[_GRID * place : _GRID * (place + 1)] = measured.grid.ljust(_GRID, b"\0")

    def __len__(self) -> int:
        return len(self._rows) // _ROW.size

    def take(self, keep: np.ndarray) -> None:
        """Keep some: bool (N,) in their order, none of which may be unusable."""
        self._rows = bytearray(self._fields[keep].tobytes())
        self._grids = bytearray(self.grids[keep].tobytes())
        self.unusable.clear()

    def measured(self, place: int) -> Measured:
        """Size and orientation of an image."""
        width, height, _, orientation, *_ = _ROW.unpack_from(self._rows, _ROW.size * place)
        return Measured(width, height, orientation)

    @property
    def _fields(self) -> np.ndarray:
        return np.frombuffer(self._rows, _FIELDS)

    @property
    def widths(self) -> np.ndarray:
        """In pixels, upright, int32 (N,); no copy."""
        widths: np.ndarray = self._fields["width"]
        return widths

    @property
    def heights(self) -> np.ndarray:
        """In pixels, upright, int32 (N,); no copy."""
        heights: np.ndarray = self._fields["height"]
        return heights

    @property
    def turned(self) -> np.ndarray:
        """Whether EXIF turns each, bool (N,)."""
        turned: np.ndarray = self._fields["orientation"] != 1
        return turned

    @property
    def flat(self) -> np.ndarray:
        """Places of those of nearly one colour."""
        return np.flatnonzero(self._fields["flat"])

    @property
    def depths(self) -> Counter[str]:
        """How many have values of more than eight bits, by their range in words."""
        counts = np.bincount(self._fields["depth"], minlength=len(self._depths)).tolist()
        return Counter({name: counts[at] for name, at in self._depths.items() if name and counts[at]})

    @property
    def digests(self) -> np.ndarray:
        """SHA-256 of each file, uint8 (N, 32); no copy."""
        digests: np.ndarray = self._fields["digest"]
        return digests

    @property
    def grids(self) -> np.ndarray:
        """Grey levels of each, uint8 (N, 81), see :mod:`wsdkd.data.likeness`; no copy."""
        return np.frombuffer(self._grids, np.uint8).reshape(-1, _GRID)

    def forget_grids(self) -> None:
        """Let go of the grey levels, which nobody asks for any more."""
        self._grids = bytearray()
