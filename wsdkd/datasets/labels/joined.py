"""From images with their labels by name to a reading: rows joined and names numbered."""

import re
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from wsdkd.data.tables import EVERY_SPLIT, UNLABELLED, Split
from wsdkd.datasets.labels.words import MEANS_NOTHING, Labels
from wsdkd.datasets.params import NamedDataset
from wsdkd.datasets.reading.names import class_list
from wsdkd.datasets.reading.record_table import RecordTable
from wsdkd.datasets.reading.records import ImageRecord, Reading
from wsdkd.datasets.reading.rejections import Cause, DatasetError, Rejection
from wsdkd.datasets.reading.words import Place

_NEGATED = re.compile(r"(?:no|not|non|without)[\s_-]+(.+)", re.IGNORECASE)
MANY = 20
"""Images that show whether they share labels."""
UNKNOWN = Labels(())
"""Of an image in split unlabelled."""


@dataclass(slots=True)
class Told:
    """What one row of a table, one sample of a shard or one file of a folder tells.

    Attributes:
        image_id: unique in the dataset.
        path: of the picture, below the root.
        split: of the image; None: the dataset does not tell, so it is train until some are set aside.
        labels: by name; or why there are none.
        where: the number of the row, or what else its message begins with.
        group: see :class:`wsdkd.datasets.reading.records.ImageRecord`; of any type,
            empty where there is none.
    """

    image_id: str
    path: str
    split: Place | None
    labels: Labels | str
    where: int | str = ""
    group: Any = None


def reading_of(
    told: Iterable[Told],
    params: NamedDataset,
    *,
    source: str,
    order: Sequence[str] = (),
    rejected: Iterable[Rejection] = (),
    notes: Iterable[str] = (),
    cause: Cause = Cause.ANNOTATION,
) -> Reading:
    """Join what is said of one image, and number the classes.

    Args:
        told: in any order, several of one image perhaps.
        params: what is allowed, and what doubt means.
        source: the file or folder, for messages.
        order: the classes in order, where the dataset itself tells it; by default the names found, sorted.
        rejected: what cannot be used so far.
        notes: what was detected so far, a sentence each.
        cause: of what has no labels.

    Raises:
        DatasetError: no image has a label.
    """
    rejections, sentences = list(rejected), list(notes)
    images = _joined(told, params, cause, rejections, sentences, source)
    classes = _classes(images, params, order, rejections, sentences, source)
    numbering = _Numbering(classes, params)
    records = RecordTable()
    for split in EVERY_SPLIT:
        for image in images[split].values():
            found = numbering.of(image.labels)
            if isinstance(found, str):
                item = Rejection("image", image.image_id, image.path, found, Cause.NOT_A_CLASS)
                rejections.append(item)
                continue
            key = None if image.group is None or image.group == "" else str(image.group)
            records.append(ImageRecord(image.image_id, image.path, split, *found, group=key))
    return Reading(classes, records, tuple(rejections), notes=tuple(sentences))


def _joined(
    told: Iterable[Told],
    params: NamedDataset,
    cause: Cause,
    rejected: list[Rejection],
    notes: list[str],
    source: str,
) -> dict[Split, dict[str, Told]]:
    # One of each image and split; the same image in two splits is for others to refuse.
    kept: dict[Split, dict[str, Told]] = {split: {} for split in EVERY_SPLIT}
    rows: Counter[tuple[str, Split]] = Counter()
    bad: dict[tuple[str, Split], Rejection] = {}
    unused = 0
    for each in told:
        if each.split == "unused":
            unused += 1
            continue
        if each.split == UNLABELLED and each.path:
            each.labels = UNKNOWN  # whatever it says: a cell may be empty, or hold a number for nothing
        if isinstance(each.labels, str):
            reason = f"{_where(each)}{each.labels}"
            rejected.append(Rejection("image", each.image_id, each.path, reason, cause))
            continue
        split = each.split or "train"
        first = kept[split].setdefault(each.image_id, each)
        if first is each or isinstance(first.labels, str):
            continue
        key = (each.image_id, split)
        rows[key] += 1
        opposed = _opposed(first.labels, each.labels)
        if opposed and params.contradictions == "reject":
            reason = f"rows {first.where} and {each.where} contradict each other: {min(opposed)!r}"
            bad.setdefault(key, Rejection("image", each.image_id, each.path, reason))
        first.labels = _together(first.labels, each.labels, opposed)
    if rows:
        most = max(rows.values()) + 1
        notes.append(f"{source}: {len(rows)} images have up to {most} rows, which are joined")
    if unused:
        notes.append(f"{source}: {unused} images left out, as they are in no split that is used")
    for image_id, split in bad:
        del kept[split][image_id]
    rejected += bad.values()
    return kept


def _where(told: Told) -> str:
    where = f"row {told.where}" if isinstance(told.where, int) else told.where
    return f"{where}: " if where else ""


def _opposed(one: Labels, two: Labels) -> set[str]:
    return (set(one.present) & set(two.absent)) | (set(one.absent) & set(two.present))


def _together(one: Labels, two: Labels, opposed: set[str]) -> Labels:
    # What one row knows, the other need not know; what they contradict each other in is uncertain.
    present = dict.fromkeys((*one.present, *two.present))
    absent = dict.fromkeys((*one.absent, *two.absent))
    uncertain = dict.fromkeys((*one.uncertain, *two.uncertain))
    return Labels(
        tuple(name for name in present if name not in opposed),
        tuple(name for name in absent if name not in opposed),
        (*(name for name in uncertain if name not in present and name not in absent), *sorted(opposed)),
    )


def _classes(
    images: Mapping[Split, Mapping[str, Told]],
    params: NamedDataset,
    order: Sequence[str],
    rejected: Sequence[Rejection],
    notes: list[str],
    source: str,
) -> tuple[str, ...]:
    if params.classes is not None:
        return class_list((), params.classes, source)
    # Many rows share theirs.
    shared = {id(image.labels): image.labels for each in images.values() for image in each.values()}
    found = [labels for labels in shared.values() if isinstance(labels, Labels)]
    present = {name for labels in found for name in labels.present} - {params.none_label}
    if not present:
        first = f"; of {len(rejected)} rejected rows the first: {rejected[0].reason}" if rejected else ""
        raise DatasetError(f"{source}: no label in any row{first}", rejected)
    _refuse_sentences(images, source)
    boxed = [name for name in sorted(present) if _ends_in_a_box(name)]
    if 2 * len(boxed) > len(present):
        raise DatasetError(
            f"{source}: labels such as {boxed[0][:60]!r} hold the numbers of boxes; leave the names alone in "
            "a column of their own, and say which: dataset.labels_column"
        )
    notes += _negations(present, source)
    nothing = sorted(name for name in present if name.casefold() in MEANS_NOTHING)
    if nothing:
        notes.append(
            f"{source}: label {nothing[0]!r} is taken as a class; if it says that there is none: "
            f"dataset.none_label: {nothing[0]!r}"
        )
    if order:
        return class_list((), [name for name in order if name != params.none_label], source)
    never = {name for labels in found for name in (*labels.absent, *labels.uncertain)} - present
    if never:
        notes.append(f"{source}: no class for what no image has: {', '.join(sorted(never)[:5])}")
    numbers = all(name.isdecimal() for name in present)
    ordered = sorted(present, key=(lambda name: (int(name), name)) if numbers else None)
    return class_list((), ordered, source)


def _ends_in_a_box(name: str) -> bool:
    words = name.split()
    numbers = [word for word in words[-4:] if re.fullmatch(r"-?\d+(\.\d+)?", word)]
    return len(words) > len(numbers) == 4 and not all(word.isdecimal() for word in words)


def _negations(present: Collection[str], source: str) -> list[str]:
    # "no dog" beside "dog" may be a class, as a sign is, or say what is absent.
    found = [(name, match[1]) for name in sorted(present) if (match := _NEGATED.fullmatch(name))]
    pairs = [(name, other) for name, other in found if other in present]
    if not pairs:
        return []
    name, other = pairs[0]
    return [
        f"{source}: labels such as {name!r} beside {other!r} are taken as classes of their own; if they say "
        f"that it is not there, write -{other} in their place"
    ]


def _refuse_sentences(images: Mapping[Split, Mapping[str, Told]], source: str) -> None:
    # Where most images share no label with another one, these are captions or ids.
    told = [image.labels for part in images.values() for image in part.values()]
    labelled = [labels.present for labels in told if isinstance(labels, Labels) and labels.present]
    count = Counter(name for names in labelled for name in names)
    alone = [names for names in labelled if all(count[name] == 1 for name in names)]
    if len(labelled) >= MANY and 2 * len(alone) > len(labelled):
        raise DatasetError(
            f"{source}: {len(alone)} of {len(labelled)} images have labels that no other image has, such as "
            f"{alone[0][0][:60]!r}: captions perhaps, or ids, or several labels in one (dataset.separator, "
            "labels_column); to go on with some of them: dataset.classes, and other_labels: drop"
        )


class _Numbering:
    """Places of classes for names, remembered for each combination of labels."""

    def __init__(self, classes: tuple[str, ...], params: NamedDataset):
        self._places = {name: place for place, name in enumerate(classes)}
        self._params = params
        self._plain = params.unlisted == "negative" and params.none_label is None
        self._seen: dict[int, tuple[tuple[int, ...], tuple[int, ...]] | str] = {}

    def of(self, labels: Labels | str) -> tuple[tuple[int, ...], tuple[int, ...]] | str:
        """Classes present and ignored, each ascending; or the reason why the image cannot be used."""
        if isinstance(labels, str):
            return labels
        found = self._seen.get(id(labels))  # its images hold each of them as long as this lives
        if found is None:
            found = self._seen[id(labels)] = self._numbered(labels)
        return found

    def _numbered(self, labels: Labels) -> tuple[tuple[int, ...], tuple[int, ...]] | str:
        params, places = self._params, self._places
        names = labels.present
        if self._plain and not labels.uncertain:
            try:
                return tuple(sorted({places[name] for name in names})), ()
            except KeyError:
                pass  # told below, or passed over
        if params.none_label in names:
            names = tuple(name for name in names if name != params.none_label)
            return f"label {params.none_label!r} beside {names[0]!r}" if names else ((), ())
        other = [name for name in names if name not in places]
        if other and params.other_labels == "reject":
            nothing = params.none_label is None and other[0].casefold() in MEANS_NOTHING
            hint = f"; if it says that there is none: dataset.none_label: {other[0]!r}" if nothing else ""
            return f"label {other[0]!r} is not a class{hint}"
        present = {places[name] for name in names if name in places}
        doubtful = {places[name] for name in labels.uncertain if name in places}
        if params.uncertain == "positive":
            present |= doubtful
        ignored = doubtful - present if params.uncertain == "ignored" else set()
        if params.unlisted == "ignored":
            told = {places[name] for name in (*labels.absent, *labels.uncertain) if name in places}
            ignored |= set(places.values()) - present - told
        return tuple(sorted(present)), tuple(sorted(ignored))
