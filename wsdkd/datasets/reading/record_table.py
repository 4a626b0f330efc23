"""Records of images in bytes: some 90 an image and 36 a box, where objects of Python take 270 and 230.

A reader gives its records one by one, and they become objects again one at a time, for whoever looks at them.
What is asked of all of them at once (splits, labels, groups) comes as arrays.
"""

import copy
import struct
from array import array
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, pairwise
from typing import overload

import numpy as np

from wsdkd.data.columns import Rows
from wsdkd.data.tables import EVERY_SPLIT
from wsdkd.datasets.reading.records import ImageRecord, ObjectRecord

_ROW = struct.Struct("<qqqqiiiiii")
_FIELDS = np.dtype(
    [
        ("text", "<i8"),  # where its id ends and its path begins
        ("labels", "<i8"),  # where its labels end, as those of the next record begin there
        ("runs", "<i8"),
        ("objects", "<i8"),
        ("id", "<i4"),  # bytes of the id, which stand before
        ("path", "<i4"),  # bytes of the path; -1: the same as the id
        ("width", "<i4"),  # as annotated; -1: not, or beyond 32 bits
        ("height", "<i4"),
        ("group", "<i4"),  # place among all groups; -1: none
        ("folder", "<i4"),
    ]
)
_NOTHING = _ROW.pack(*[0] * 10)


@dataclass(frozen=True)
class Lists:
    """Lists of whole numbers of consecutive records, one list after the other.

    Attributes:
        values: of all, (V,).
        counts: how many each has, (N,).
    """

    values: np.ndarray
    counts: np.ndarray


class RecordTable(Rows[ImageRecord]):
    """Records in order, which can only become more.

    Args:
        records: the first ones.
    """

    def __init__(self, records: Iterable[ImageRecord] = ()):
        self._rows, self._texts = bytearray(_NOTHING), bytearray()  # a row before the first, which ends at 0
        self._splits = bytearray()
        self._labels, self._runs = array("i"), array("i")
        self._boxes, self._kinds = array("d"), array("i")
        self._groups: dict[str, int] = {}
        self._folders: dict[str, int] = {}
        self._large: dict[int, tuple[int, int]] = {}
        self.not_utf8: set[int] = set()
        """Places of records whose id or path has no spelling in UTF-8."""
        for record in records:
            self.append(record)

    @classmethod
    def of(cls, records: Iterable[ImageRecord]) -> "RecordTable":
        """Records as a table; as they are, where they are one."""
        return records if isinstance(records, cls) else cls(records)

    def append(self, record: ImageRecord) -> None:
        """Add a record at the end."""
        image_id = self._spelt(record.image_id)
        path = b"" if record.path == record.image_id else self._spelt(record.path)
        self._texts += image_id
        text = len(self._texts)
        self._texts += path
        self._labels.extend(record.labels)
        self._runs.extend(_runs(record.ignored))
        for item in record.objects:
            self._boxes.extend(item.box)
            self._kinds.append(item.label << 2 | item.difficult << 1 | item.crowd)
        size = record.annotated_size
        if size is None:
            size = (-1, -1)
        elif not all(0 <= side < 1 << 31 for side in size):
            self._large[len(self)] = size
            size = (-1, -1)
        group = -1 if record.group is None else self._groups.setdefault(record.group, len(self._groups))
        self._rows += _ROW.pack(
            text,
            len(self._labels),
            len(self._runs),
            len(self._kinds),
            len(image_id),
            -1 if record.path == record.image_id else len(path),
            *size,
            group,
            self._folders.setdefault(record.folder, len(self._folders)),
        )
        self._splits.append(EVERY_SPLIT.index(record.split))

    def _spelt(self, text: str) -> bytes:
        try:
            return text.encode()
        except UnicodeEncodeError:
            self.not_utf8.add(len(self))
            return text.encode(errors="surrogatepass")

    def __len__(self) -> int:
        return len(self._splits)

    @overload
    def __getitem__(self, place: int) -> ImageRecord: ...

    @overload
    def __getitem__(self, place: slice) -> list[ImageRecord]: ...

    def __getitem__(self, place: int | slice) -> ImageRecord | list[ImageRecord]:
        """A record, or a list of some."""
        places = range(len(self))[place]
        return self._record(places) if isinstance(places, int) else list(map(self._record, places))

    def __iter__(self) -> Iterator[ImageRecord]:
        return map(self._record, range(len(self)))

    def _record(self, place: int) -> ImageRecord:
        at = _ROW.size * place
        _, labels, runs, objects, *_ = _ROW.unpack_from(self._rows, at)
        _, last_label, last_run, last_object, _, _, *size, group, folder = _ROW.unpack_from(
            self._rows, at + _ROW.size
        )
        image_id, path = self._names(place)
        return ImageRecord(
            image_id,
            path,
            EVERY_SPLIT[self._splits[place]],
            tuple(self._labels[labels:last_label]),
            () if runs == last_run else _of_runs(self._runs[runs:last_run]),
            tuple(map(self._object, range(objects, last_object))),
            self._large.get(place) if size[0] < 0 else (size[0], size[1]),
            None if group < 0 else self.group_names[group],
            self._folder_names[folder],
        )

    def _object(self, place: int) -> ObjectRecord:
        x1, y1, x2, y2 = self._boxes[4 * place : 4 * place + 4]
        kind = self._kinds[place]
        return ObjectRecord(kind >> 2, (x1, y1, x2, y2), bool(kind & 2), bool(kind & 1))

    def _names(self, place: int) -> tuple[str, str]:
        at = _ROW.size * (place + 1)
        text, _, _, _, id_bytes, path_bytes, *_ = _ROW.unpack_from(self._rows, at)
        errors = "surrogatepass" if place in self.not_utf8 else "strict"
        image_id = self._texts[text - id_bytes : text].decode(errors=errors)
        if path_bytes < 0:
            return image_id, image_id
        return image_id, self._texts[text : text + path_bytes].decode(errors=errors)

    @property
    def group_names(self) -> list[str]:
        """Of all groups that there are."""
        return _keys(self, "_group_list", self._groups)

    @property
    def _folder_names(self) -> list[str]:
        return _keys(self, "_folder_list", self._folders)

    @property
    def ids(self) -> Sequence[str]:
        """Of all records, each made when it is asked for."""
        return _Names(self, 0)

    @property
    def paths(self) -> Sequence[str]:
        """Of all records, each made when it is asked for."""
        return _Names(self, 1)

    @property
    def splits(self) -> np.ndarray:
        """A copy of the splits, as places in ``EVERY_SPLIT``, uint8 (N,)."""
        return np.frombuffer(bytes(self._splits), np.uint8).copy()

    def with_splits(self, splits: np.ndarray) -> "RecordTable":
        """The same records in other splits; both share what they hold, so that none may be appended."""
        other = copy.copy(self)
        other._splits = bytearray(splits.astype(np.uint8).tobytes())
        return other

    @property
    def groups(self) -> np.ndarray:
        """The group of each record as a place among :attr:`group_names`, int32 (N,); -1: none."""
        return self._column("group")[1:]

    def look_at(self) -> np.ndarray:
        """Places of records that have objects or an annotated size."""
        sized = self._column("width")[1:] >= 0
        sized[list(self._large)] = True
        return np.flatnonzero(sized | (np.diff(self._column("objects")) > 0))

    @property
    def num_objects(self) -> int:
        """Of all records."""
        return len(self._kinds)

    def ids_are_paths(self, start: int, stop: int) -> bool:
        """Whether each of these records has its path for an id."""
        return bool((self._column("path", start, stop)[1:] < 0).all())

    def labels(self, start: int = 0, stop: int | None = None) -> Lists:
        """Classes that are present in the records from ``start`` to ``stop``."""
        return _lists(self._labels, self._column("labels", start, stop))

    def ignored_runs(self, start: int = 0, stop: int | None = None) -> Lists:
        """Classes that are neither present nor absent, as the first and the last of each run of them."""
        return _lists(self._runs, self._column("runs", start, stop))

    def _column(self, name: str, start: int = 0, stop: int | None = None) -> np.ndarray:
        # A copy, with the row before the first.
        rows = memoryview(self._rows)[
            _ROW.size * start : _ROW.size * ((len(self) if stop is None else stop) + 1)
        ]
        return np.frombuffer(rows, _FIELDS)[name].copy()


class _Names(Sequence[str]):
    def __init__(self, records: RecordTable, which: int):
        self._records, self._which = records, which

    def __len__(self) -> int:
        return len(self._records)

    @overload
    def __getitem__(self, place: int) -> str: ...

    @overload
    def __getitem__(self, place: slice) -> list[str]: ...

    def __getitem__(self, place: int | slice) -> str | list[str]:
        places = range(len(self))[place]
        return self._name(places) if isinstance(places, int) else list(map(self._name, places))

    def __iter__(self) -> Iterator[str]:
        return map(self._name, range(len(self)))

    def _name(self, place: int) -> str:
        return self._records._names(place)[self._which]


def _keys(table: RecordTable, name: str, known: dict[str, int]) -> list[str]:
    # The list is made once, and again where there are more by now.
    made: list[str] = table.__dict__.get(name, [])
    if len(made) != len(known):
        made = table.__dict__[name] = list(known)
    return made


def _lists(values: "array[int]", ends: np.ndarray) -> Lists:
    some = memoryview(values)[int(ends[0]) : int(ends[-1])]
    return Lists(np.frombuffer(some, np.int32).copy(), np.diff(ends))


def _runs(numbers: Sequence[int]) -> list[int]:
    """The first and the last of each run of ascending numbers: few, where nearly all classes are ignored."""
    if len(numbers) < 2:
        return [*numbers, *numbers]
    ends = [number for pair in pairwise(numbers) if pair[1] != pair[0] + 1 for number in pair]
    return [numbers[0], *ends, numbers[-1]]


def _of_runs(ends: Sequence[int]) -> tuple[int, ...]:
    return tuple(chain.from_iterable(range(ends[at], ends[at + 1] + 1) for at in range(0, len(ends), 2)))
