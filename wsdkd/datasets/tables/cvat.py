"""``annotations.xml`` of "CVAT for images": the labels of each picture's shapes and tags, as a table."""

from pathlib import Path
from xml.etree.ElementTree import ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring

from wsdkd.datasets.reading.rejections import DatasetError
from wsdkd.ground.reading import NotReadError, read_regular

MOST_BYTES = 1 << 30
LOOKED_AT = 1 << 20
"""Bytes in which the first picture stands, behind the description of the task."""


def is_cvat(path: Path) -> bool:
    """Whether a file is one of CVAT, for images or for a video."""
    try:
        with path.open("rb") as file:
            head = file.read(LOOKED_AT)
    except OSError:
        return False
    return b"<annotations" in head and (b"<image " in head or b"<track " in head)


def rows_of_cvat(path: Path) -> list[dict[str, object]]:
    """A row a picture: its path, its labels, each once, and its subset, where CVAT names one.

    Raises:
        DatasetError: the file is no XML, has a document type, or is of a video.
    """
    try:
        top = fromstring(read_regular(path, MOST_BYTES), forbid_dtd=True)
    except (NotReadError, ParseError, DefusedXmlException, ValueError, LookupError) as error:
        raise DatasetError(f"{path}: not XML that is read: {str(error) or type(error).__name__}") from None
    if top.find("track") is not None:
        raise DatasetError(
            f"{path}: of a video, whose pictures it does not name; export it as 'CVAT for images' or as COCO"
        )
    rows: list[dict[str, object]] = []
    for image in top.iter("image"):
        labels = dict.fromkeys(shape.get("label") for shape in image if shape.get("label"))
        row: dict[str, object] = {"path": image.get("name"), "labels": list(labels)}
        rows.append({**row, "split": image.get("subset")} if image.get("subset") else row)
    return rows
