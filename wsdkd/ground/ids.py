"""Where each of many images stands, by its id, in twenty bytes an image, in memory or in a file."""

from collections.abc import Iterable, Mapping
from hashlib import blake2b
from struct import Struct
from typing import Any

import numpy as np

from wsdkd.ground.spool import Layout, Spool

ID_LAYOUT: Layout = {
    "id_places": ("<u4", None),
    "id_digests": ("<u8", None),  # their first halves, ascending
    "id_second_halves": ("<u8", None),
}
"""Of the arrays of an index, where it is stored."""
_MOST = 2**32
_KEY_BYTES = 16
_TWO_HALVES = Struct("<QQ")


class IdIndex:
    """Places of texts in the order given; of one that stands in it twice, the last.

    A dictionary takes some 200 bytes a text, and each process that reads it would soon have a copy of
    its own, as looking at an object writes to it. Of a text its 128-bit BLAKE2b digest is kept: among a
    billion texts two are the same with a chance of 10^-21.
    """

    def __init__(self, ids: Iterable[str]):
        digests = bytearray()
        for text in ids:
            digests += blake2b(text.encode(errors="surrogateescape"), digest_size=_KEY_BYTES).digest()
        keys = np.frombuffer(digests, dtype="<u8").reshape(-1, 2)
        order = np.argsort(keys[:, 0], kind="stable")
        if len(order) > _MOST:
            raise ValueError(f"{len(order):,} ids, more than the {_MOST:,} that have room in an index")
        self._places: np.ndarray = order.astype(np.uint32)
        del order  # of millions each array counts
        self._first, self._second = keys[self._places, 0], keys[self._places, 1]
        self._keeps: object = None

    @classmethod
    def stored(cls, spools: Mapping[str, Spool]) -> "IdIndex":
        """An index whose arrays were stored by :meth:`store`: they are mapped, and take no memory."""
        index = cls.__new__(cls)
        index._places, index._first, index._second = (spools[name].mapped() for name in ID_LAYOUT)
        index._keeps = spools
        return index

    def store(self, spools: Mapping[str, Spool]) -> None:
        """Append the arrays of this index to those of :data:`ID_LAYOUT`."""
        for name, array in zip(ID_LAYOUT, (self._places, self._first, self._second), strict=True):
            spools[name].append(array)

    def __getstate__(self) -> dict[str, Any]:
        """Arrives with arrays of its own in a process that is not forked from this one."""
        return {**self.__dict__, "_keeps": None}

    def __len__(self) -> int:
        return len(self._places)

    def place(self, text: str) -> int:
        """The place of a text.

        Raises:
            KeyError: it is not among them.
        """
        digest = blake2b(text.encode(errors="surrogateescape"), digest_size=_KEY_BYTES).digest()
        first, second = map(np.uint64, _TWO_HALVES.unpack(digest))
        at = int(self._first.searchsorted(first, side="right")) - 1
        while at >= 0 and self._first[at] == first:
            if self._second[at] == second:
                return int(self._places[at])
            at -= 1
        raise KeyError(text)

    def repeated(self) -> int | None:
        """The place of a text that stands at an earlier place too, or None where all are different."""
        same = (self._first[1:] == self._first[:-1]) & (self._second[1:] == self._second[:-1])
        return int(self._places[1:][same].min()) if same.any() else None

    def __contains__(self, text: str) -> bool:
        try:
            self.place(text)
        except KeyError:
            return False
        return True
