"""Files that hold datasets in forms that are not read, and how to make something of them that is."""

import posixpath
import re
from collections.abc import Sequence

from wsdkd.datasets.reading.picture_files import unread_kind

ARCHIVES = (".zip", ".tar", ".tgz", ".tar.gz", ".tar.bz2", ".tar.xz", ".7z", ".rar")
_AS_FILES = "write its pictures into files, and their labels into a table"
_WAYS = (
    (re.compile(r"\.(zip|tar|tgz|tar\.\w+|7z|rar)$"), "is an archive: unpack it"),
    (re.compile(r"\.tfrecords?(-|$|\.)"), f"is TFRecord: {_AS_FILES}, or into tar shards (webdataset)"),
    (re.compile(r"\.(mdb|lmdb)$"), f"is of LMDB: {_AS_FILES}"),
    (re.compile(r"\.(npy|npz|h5|hdf5|mat|pkl|pickle|pt|pth)$"), f"holds arrays: {_AS_FILES}"),
    (re.compile(r"\.(xlsx|xls|ods)$"), "is a workbook: save its sheet as CSV"),
    (re.compile(r"\.(mp4|avi|mov|mkv)$"), "is a film: save its pictures as JPEG"),
)


def ways_out(files: Sequence[str]) -> str:
    """What of ``files`` is not read, by an example of each kind and what to do; empty where there is none."""
    found: dict[str, str] = {}
    for path in files:
        name = posixpath.basename(path).lower()
        kind = unread_kind(name)
        way = None if kind is None else f"is a picture of type {kind}: save it as JPEG or PNG"
        way = way or next((told for pattern, told in _WAYS if pattern.search(name)), None)
        if way is not None:
            found.setdefault(way, path)
    return "; ".join(f"{path} {way}" for way, path in found.items())
