"""Pictures in a folder a class, or with a text file of labels beside each.

A level of folders that are all named as splits (``train/cat/1.jpg``) tells the split. Where the label is the
name of a folder, it is that of the first level that tells pictures apart. Pictures of a folder ``unlabelled``
beside ``train`` have no labels, wherever in it they lie.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from wsdkd.data.tables import UNLABELLED
from wsdkd.datasets.folders.label_files import OF_PICTURES, read_label_files, texts_beside
from wsdkd.datasets.labels.joined import UNKNOWN, Told, reading_of
from wsdkd.datasets.labels.words import Labels
from wsdkd.datasets.params import FoldersDataset
from wsdkd.datasets.reading.names import class_name
from wsdkd.datasets.reading.paths import lies_below, normal
from wsdkd.datasets.reading.picture_files import files_below, is_nameless_picture, is_picture, unread_kind
from wsdkd.datasets.reading.records import Reading
from wsdkd.datasets.reading.rejections import Cause, DatasetError, Rejection
from wsdkd.datasets.reading.words import Place, listed_splits, place_of_folder
from wsdkd.ground.words import counted


def read_folders(root: Path, params: FoldersDataset) -> Reading:
    """Read all pictures below the root.

    Raises:
        DatasetError: there are none, or none has a label; or some folders mean splits and others do not;
            or a list of a split's files is missing.
    """
    base = root / params.images
    files = sorted(files_below(base, params.links)) if base.is_dir() else []
    files = [path for path in files if not lies_below(normal(params.images, path), params.unlabelled_images)]
    pictures = [path for path in files if is_picture(path)]
    if not pictures:
        raise DatasetError(f"{base}: no picture in it; see dataset.root and dataset.images")
    unread = [
        Rejection("image", path, path, f"a picture of type {kind}, which is not read", Cause.UNDECODED)
        for path, kind in ((normal(params.images, path), unread_kind(path)) for path in files)
        if kind is not None
    ]
    unread += [
        Rejection("image", path, path, "a picture without a suffix, which is not read", Cause.UNDECODED)
        for path in (normal(params.images, path) for path in files if is_nameless_picture(base / path))
    ]
    folders = [path.split("/")[:-1] for path in pictures]
    listed = listed_splits(root, params)
    level = None if listed is not None else _split_level(folders, params, str(base))
    splits: list[Place | None] = [
        None if level is None else place_of_folder(each[level], params.split_names) for each in folders
    ]
    if listed is not None:
        splits = [listed.of(normal(params.images, path)) or "unused" for path in pictures]
    hidden = [path for path, split in zip(pictures, splits, strict=True) if split == UNLABELLED]
    pictures = [path for path, split in zip(pictures, splits, strict=True) if split != UNLABELLED]
    folders = [path.split("/")[:-1] for path in pictures]
    splits = [split for split in splits if split != UNLABELLED]
    texts = texts_beside(base, pictures, files)
    in_files = params.labels == "files" or (params.labels == "auto" and 2 * len(texts) >= len(pictures))
    told = ["labels in files beside them" if in_files else "labels are the names of their folders"]
    labels: Iterable[Labels | str] = _from_folders(folders, level, str(base))
    order: tuple[str, ...] = ()
    if in_files:
        labels, order = read_label_files(root, params, [texts.get(picture) for picture in pictures], told)
    rows = []
    for picture, split, found in zip(pictures, splits, labels, strict=True):
        path = normal(params.images, picture)
        rows.append(Told(path, path, split, found))
    for picture in hidden:
        path = normal(params.images, picture)
        rows.append(Told(path, path, UNLABELLED, UNKNOWN))
    notes = [f"{base}: {counted(len(rows), 'picture')}; {'; '.join(told)}"]
    reading = reading_of(
        rows, params, source=str(base), order=order, rejected=unread, notes=notes, cause=Cause.UNANNOTATED
    )
    return replace(reading, folder_a_class=not in_files)


def _split_level(folders: Sequence[Sequence[str]], params: FoldersDataset, base: str) -> int | None:
    # The first level whose folders all mean splits.
    for level in range(min(map(len, folders))):
        names = {each[level] for each in folders}
        splits = {name for name in names if place_of_folder(name, params.split_names) is not None}
        if splits == names:
            return level
        if len(splits) > 1:  # one alone may be a class: a train
            odd = min(names - splits)
            raise DatasetError(
                f"{base}: folders {', '.join(sorted(splits))} mean splits, but {odd} beside them does not; "
                f"say what it is: dataset.split_names: {{{odd!r}: unused}}, or train, val, test"
            )
    return None


def _refuse_copies(folders: Sequence[Sequence[str]], level: int, base: str) -> None:
    # As archives have it that were packed with a copy of themselves: cat, dog and all/cat, all/dog.
    names = {each[level] for each in folders if len(each) > level}
    for name in sorted(names):
        within = {tuple(each[level + 1 : level + 2]) for each in folders if each[level : level + 1] == [name]}
        if len(within) > 1 and () not in within and {word for (word,) in within} <= names - {name}:
            inner = ", ".join(word for (word,) in sorted(within)[:3])
            raise DatasetError(
                f"{base}: folder {name} holds folders {inner}, which lie beside it, too: a copy of the "
                "dataset, not a class; take one of them: dataset.images, or remove the other"
            )


def _from_folders(
    folders: Sequence[Sequence[str]], split_level: int | None, base: str
) -> Iterator[Labels | str]:
    # The class is the first level that tells pictures apart, but for the level of splits.
    level = 0
    while level == split_level or (
        len({tuple(each[level : level + 1]) for each in folders}) == 1
        and all(len(each) > level + 1 for each in folders)
    ):
        level += 1
    _refuse_copies(folders, level, base)
    names = {each[level] for each in folders if len(each) > level}
    # Beside classes, a folder called images is none: val/images beside train/cat/images.
    none = {name for name in names if name.casefold() in OF_PICTURES}
    for each in folders:
        if none != names and len(each) > level and each[level] in none:
            yield f"its folder {each[level]} is no class, as those of others are"
            continue
        yield Labels((class_name(each[level]),)) if len(each) > level else "in no folder of a class"
