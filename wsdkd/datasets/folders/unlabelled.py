"""The split ``unlabelled``: pictures of which nobody knows the labels.

A teacher shows a student what is in them. They come from a folder of pictures that no annotation lists, from
what a format itself calls unlabelled, or from training images whose labels are withheld.
"""

from dataclasses import replace
from pathlib import Path

from wsdkd.data.tables import UNLABELLED
from wsdkd.datasets.params import AutoDataset, DatasetParams, ScenesDataset
from wsdkd.datasets.reading.paths import normal
from wsdkd.datasets.reading.picture_files import files_below, is_picture
from wsdkd.datasets.reading.record_table import RecordTable
from wsdkd.datasets.reading.records import ImageRecord, Reading
from wsdkd.datasets.reading.rejections import DatasetError
from wsdkd.ground.words import counted

KEY = "dataset.unlabelled_images"


def with_unlabelled(reading: Reading, root: Path, params: DatasetParams) -> Reading:
    """A dataset with the pictures of the folder ``unlabelled_images``, but for those that it lists anyway.

    Args:
        reading: its annotations.
        root: the dataset's folder.
        params: name the folder below the root, or none.

    Raises:
        DatasetError: there is no such folder, no other picture in it, or pictures lie within other files.
    """
    folder = None if isinstance(params, AutoDataset | ScenesDataset) else params.unlabelled_images
    if folder is None:
        return reading
    if reading.unpacked:
        raise DatasetError(
            f"{KEY}: {folder}: the other pictures lie within files; put these into such files, too, in "
            f"whose names {UNLABELLED} stands, and leave this key null"
        )
    base = root / folder
    if not base.is_dir():
        raise DatasetError(f"{base}: no such folder; see {KEY}")
    images = RecordTable.of(reading.images)
    others = {
        path
        for path in (normal(folder, each) for each in files_below(base, params.links))
        if is_picture(path)
    }
    others.difference_update(images.paths, (item.path for item in reading.rejected if item.kind == "image"))
    if not others:
        raise DatasetError(f"{base}: no picture in it that the annotations do not list; see {KEY}")
    for path in sorted(others):
        images.append(ImageRecord(path, path, UNLABELLED, ()))
    note = f"{base}: {counted(len(others), 'picture')} that the annotations do not list ({UNLABELLED})"
    return replace(reading, images=images, notes=(*reading.notes, note))
