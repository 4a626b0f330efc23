"""WebDataset: tar shards of samples, a picture with a ``.json``, ``.cls`` or ``.txt`` file of the same name.

A picture stays where it is: its path is a stretch of the shard, see :mod:`wsdkd.data.photographs`. Compressed
shards have no such stretches, and are unpacked as Parquet's pictures are. The package ``webdataset`` hands
samples out one after another; it does not say where in its shard a picture lies.

An image's id is its sample's key where all have one of their own, else ``SHARD/KEY``.
"""

from collections.abc import Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

from wsdkd.datasets.labels.joined import Told, reading_of
from wsdkd.datasets.packed.tar_shards import Sample, read_samples, shards_among
from wsdkd.datasets.packed.unpack import Unpacked
from wsdkd.datasets.params import WebDataset
from wsdkd.datasets.reading.paths import normal, require_regular
from wsdkd.datasets.reading.picture_files import files_below
from wsdkd.datasets.reading.records import Reading
from wsdkd.datasets.reading.rejections import DatasetError
from wsdkd.datasets.reading.words import splits_of_files
from wsdkd.datasets.tables.cells import Cells
from wsdkd.datasets.tables.label_columns import choose_labels, read_labels, require_column
from wsdkd.ground.words import counted

LOOKED_AT = 1000
"""Samples that show where the labels stand, before what else the others tell is let go."""


def read_webdataset(root: Path, params: WebDataset, folder: Path) -> Reading:
    """Read all shards below the root.

    Args:
        root: the dataset's folder.
        params: which key holds the labels, and what is allowed.
        folder: an empty one, for the pictures of compressed shards.

    Raises:
        DatasetError: there is no shard, one is damaged, the names of some tell no split, or nobody can tell
            where the labels stand.
    """
    base = root / params.folder
    files = sorted(files_below(base, params.links)) if base.is_dir() else []
    names = list(shards_among(files))
    for name in names:
        require_regular(base / name)
    if not names:
        raise DatasetError(f"{base}: no .tar file in it; see dataset.root and dataset.folder")
    splits = splits_of_files(names, params.split_names, str(base))
    used = {
        normal(params.folder, name): each
        for name, each in zip(names, splits, strict=True)
        if each != "unused"
    }
    packed = any(not name.lower().endswith(".tar") for name in used)
    told: list[str] = []
    with Unpacked(folder) as unpack:
        found = read_samples(root, list(used), unpack if packed else None, told)
        samples = list(islice(found, LOOKED_AT))
        cells = _cells(str(base), samples)
        if params.group_column is not None:
            require_column(cells, params.group_column)
        rest = [name for name in cells.head if name != params.group_column]
        if not cells.head:
            raise DatasetError(
                f"{base / names[0]}: pictures without labels, which a .json, .cls or .txt file beside each "
                "would hold; if it is an archive of folders, unpack it"
            )
        column, one_hot = choose_labels(cells, params, rest, told)
        needed = {column, params.group_column, *one_hot}
        for sample in samples:
            _keep(sample, needed)
        for sample in found:
            _keep(sample, needed)
            samples.append(sample)
    labels, order = read_labels(_cells(str(base), samples), column, one_hot, params, told)
    own = len({sample.key for sample in samples}) == len(samples)
    rows = [
        Told(
            sample.key if own else f"{sample.shard}/{sample.key}",
            sample.path,
            used[sample.shard],
            sample.reason or label,
            f"{sample.shard}: {sample.key}",
            sample.told.get(params.group_column or ""),
        )
        for sample, label in zip(samples, labels, strict=True)
    ]
    notes = [f"{base}: {counted(len(samples), 'sample')} in {counted(len(used), 'shard')}; {'; '.join(told)}"]
    reading = reading_of(rows, params, source=str(base), order=order, notes=notes)
    return replace(reading, unpacked=packed)


def _keep(sample: Sample, keys: set[str | None]) -> None:
    sample.told = {key: value for key, value in sample.told.items() if key in keys}


def _cells(source: str, samples: Sequence[Sample]) -> Cells:
    head = dict.fromkeys(key for sample in samples for key in sample.told)

    def read(name: str) -> list[Any]:
        return [sample.told.get(name) for sample in samples]

    return Cells(source, tuple(head), range(1, len(samples) + 1), read)
