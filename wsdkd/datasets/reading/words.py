"""What the words of annotation tools mean: yes and no, and the splits; and lists of files a split."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any, Literal

from wsdkd.data.tables import UNLABELLED, Split
from wsdkd.datasets.params import SplitListed
from wsdkd.datasets.reading.paths import normal, read_text
from wsdkd.datasets.reading.picture_files import stem
from wsdkd.datasets.reading.rejections import DatasetError

Place = Split | Literal["unused"]

WORDS: dict[str, Split] = {
    "train": "train",
    "training": "train",
    "trn": "train",
    "val": "val",
    "valid": "val",
    "validation": "val",
    "dev": "val",
    "development": "val",
    "validierung": "val",
    "test": "test",
    "testing": "test",
    "tst": "test",
    "unlabelled": "unlabelled",
    "unlabeled": "unlabelled",
}
TRUE = ("true", "1", "1.0", "yes", "t", "y")
FALSE = ("false", "0", "0.0", "no", "f", "n")
NOT_SAID = ("", "unspecified", "none", "null")
"""Taken as no, where a tool writes yes for what is so and one of these for what is not."""


def yes_or_no(value: Any) -> bool | None:
    """What a number, a text, a truth value or nothing means; None where nobody can tell."""
    if value is None or isinstance(value, bool):
        return bool(value)
    text = str(value).strip().casefold()
    if text in TRUE + FALSE + NOT_SAID:
        return text in TRUE
    try:
        number = float(text)
    except ValueError:
        return None
    return bool(number) if number in (0, 1) else None


def split_of(word: str) -> Split | None:
    """The split of labelled images that a word means, whatever its case, or None."""
    split = WORDS.get(word.strip().casefold())
    return None if split == UNLABELLED else split


def place_of_folder(name: str, names: Mapping[str, Place]) -> Place | None:
    """The split that a folder's whole name means, but for a number behind it: ``train2017``."""
    told = {word.casefold(): place for word, place in names.items()}
    word = name.strip().casefold()
    return told.get(word) or WORDS.get(re.sub(r"[\W\d_]+$", "", word))


def splits_of_files(paths: Sequence[str], names: Mapping[str, Place], source: str) -> list[Place | None]:
    """The split that each file's name tells, or that of a folder it lies in: ``data/train-00000-of-00002``.

    Args:
        paths: of the files, below the folder ``source``.
        names: what words mean, where it is not what is usual.
        source: for messages.

    Returns:
        All None where no path tells any split.

    Raises:
        DatasetError: some tell one and others do not.
    """
    meanings: dict[str, Place] = {**WORDS, **{word.casefold(): place for word, place in names.items()}}
    found = [_meant(PurePosixPath(path).parts, meanings) for path in paths]
    if any(found) and not all(found):
        odd = paths[found.index(None)]
        raise DatasetError(
            f"{source}: the paths of others tell their split, that of {odd} does not; say what a word of it "
            f"means: dataset.split_names: {{{PurePosixPath(odd).stem!r}: train}}, or val, test, unused"
        )
    return found


def _meant(parts: Sequence[str], meanings: Mapping[str, Place]) -> Place | None:
    for part in reversed(parts):
        stem = PurePosixPath(part).stem.casefold()
        if stem in meanings:
            return meanings[stem]
        found = {meanings[word] for word in re.split(r"[\W\d_]+", stem) if word in meanings}
        if found:
            return found.pop() if len(found) == 1 else None
    return None


def read_splits(
    cells: Sequence[Any], column: str, names: dict[str, Place], source: str
) -> tuple[list[Place | None], str]:
    """The split of each row, None where its cell is empty, and a note on how the words were taken.

    Args:
        cells: of the column.
        column: its name, which says what yes and no mean: ``is_valid``, ``is_test``.
        names: what words mean, where it is not what is usual.
        source: the file, for messages.

    Raises:
        DatasetError: a word that nobody can tell; the message names them all, not a line a row.
    """
    words = _words(cells)
    count = Counter(words)
    meanings = _meanings([word for word in count if word], column, names)
    odd = {word: count[word] for word in count if word and word not in meanings}
    if odd:
        found = ", ".join(f"{word!r} ({times} rows)" for word, times in Counter(odd).most_common(5))
        example = next(iter(odd))
        raise DatasetError(
            f"{source}: column {column!r} holds {found}: no word for train, val or test; say what it means: "
            f"dataset.split_names: {{{example!r}: train}}, or val, test, unused"
        )
    told = [f"{word} is {meaning}" for word, meaning in meanings.items() if word in count and word != meaning]
    note = f"splits in column {column}" + (f" ({', '.join(told)})" if told else "")
    return [meanings.get(word) for word in words], note


def _meanings(words: Sequence[str], column: str, names: dict[str, Place]) -> dict[str, Place]:
    meanings: dict[str, Place] = {word: WORDS[word.casefold()] for word in words if word.casefold() in WORDS}
    if all(word.casefold() in TRUE + FALSE for word in words):
        yes = split_of(column.casefold().removeprefix("is").strip("_ "))
        if yes is not None:
            no: Place = "test" if yes == "train" else "train"
            meanings = {word: yes if word.casefold() in TRUE else no for word in words}
    numbers = {"0": "train", "1": "val", "2": "test"}  # as CelebA's list_eval_partition has them
    # Folds of cross-validation are no splits: each is the test of its own run.
    if set(words) == set(numbers) and "fold" not in column.casefold():
        meanings = {word: numbers[word] for word in words}  # type: ignore[misc]
    return {**meanings, **names}


def means_splits(cells: Sequence[Any], column: str) -> bool:
    """Whether all words of a column mean splits, so that it may be taken for one without being named."""
    words = {*_words(cells)} - {""}
    return bool(words) and words <= set(_meanings(sorted(words), column, {}))


def names_splits(cells: Sequence[Any]) -> bool:
    """Whether a column of any name is one of splits: all of its words name some, and two or more."""
    found = {WORDS.get(word.casefold()) for word in set(_words(cells)) - {""}}
    return len(found) > 1 and None not in found


def _words(cells: Sequence[Any]) -> list[str]:
    try:
        words = {cell: "" if cell is None else str(cell).strip() for cell in set(cells)}
    except TypeError:  # lists, say
        return [str(cell) for cell in cells]
    return [words[cell] for cell in cells]


class SplitsByPath:
    """Splits of pictures, found by a picture's path or by the end of its path, with a suffix or without."""

    def __init__(self) -> None:
        self._places: dict[str, Place] = {}

    def add(self, path: str, place: Place, source: str) -> None:
        """Take in a picture.

        Raises:
            DatasetError: it is of another split already; ``source`` is the file that says so.
        """
        if self._places.setdefault(_key(path), place) != place:
            raise DatasetError(f"{source}: {path!r} is of {self._places[_key(path)]}, too")

    def of(self, path: str) -> Place | None:
        """The split of a picture; None where nobody told."""
        key = _key(path)
        while True:
            if key in self._places:
                return self._places[key]
            if "/" not in key:
                return None
            key = key.partition("/")[2]


def listed_splits(root: Path, params: SplitListed) -> SplitsByPath | None:
    """What lists of files, one a split, tell; None where the parameters name none.

    Args:
        root: the dataset's folder.
        params: names the lists.

    Raises:
        DatasetError: a list is missing, or two of them name one file.
    """
    lists: tuple[tuple[Split, str | None], ...] = (
        ("train", params.train_list),
        ("val", params.val_list),
        ("test", params.test_list),
    )
    if not any(name for _, name in lists):
        return None
    splits = SplitsByPath()
    for split, name in lists:
        if name is not None:
            path, text = read_text(root, name)
            for line in filter(None, map(str.strip, text.splitlines())):
                splits.add(line, split, path)
    return splits


def _key(path: str) -> str:
    # Files name pictures with or without a suffix.
    return stem(normal(path.replace("\\", "/")))
