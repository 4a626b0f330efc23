"""One XML annotation of Pascal VOC, from whatever tool: its objects and the size that it states.

VOC counts pixels from 1 and a box includes its last ones: ``xmin`` 1 and ``xmax`` 10 cover the first ten
columns, whose edges are 0 and 10. So x1 = xmin - 1 and x2 = xmax, and likewise for y.

XML from strangers is parsed by defusedxml, without document types: no file can expand into gigabytes, or
name another file.
"""

import codecs
import math
import re
from dataclasses import dataclass
from pathlib import Path
from xml.etree.ElementTree import Element, ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring

from wsdkd.datasets.reading.words import yes_or_no
from wsdkd.ground.reading import read_regular

MAX_BYTES = 4 * 1024 * 1024  # a VOC annotation has a few kilobytes
DECLARED = re.compile(rb"""^\s*<\?xml[^>]*?\sencoding\s*=\s*["']([A-Za-z][A-Za-z0-9._-]*)["']""")
BEGINNINGS = {
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
    b"<\0": "utf-16-le",
    b"\0<": "utf-16-be",
}
"""Byte order marks, and what else tells an encoding before any declaration can be read."""


class AnnotationError(ValueError):
    """A file does not tell what is in its image; the message says why, without the path."""


@dataclass(frozen=True)
class XmlObject:
    """An annotated object.

    Attributes:
        name: of its class, as written.
        box: (x1, y1, x2, y2), edges in pixels; None where the file has no four numbers.
        difficult: to recognise, says whoever annotated.
        unread: the word for ``difficult`` where it is none that is read.
    """

    name: str
    box: tuple[float, float, float, float] | None
    difficult: bool = False
    unread: str | None = None


@dataclass(frozen=True)
class XmlAnnotation:
    """What an annotation file tells of its image.

    Attributes:
        objects: in order.
        size: (width, height) in pixels, where it is stated.
        filename: of the image, as written, or empty.
    """

    objects: tuple[XmlObject, ...] = ()
    size: tuple[int, int] | None = None
    filename: str = ""


def read_annotation(path: Path) -> XmlAnnotation:
    """Read an annotation file.

    Raises:
        NoFileError: there is none.
        NotReadError: it cannot be read, or has more than ``MAX_BYTES``.
        AnnotationError: it is no XML, has a document type, or an object without a name.
    """
    top = _parse(read_regular(path, MAX_BYTES))
    if top.tag != "annotation":
        raise AnnotationError(f"its element is <{top.tag}>, expected <annotation>")
    # Only objects of the image itself: VOC puts parts of a person, with names, inside of an object.
    objects = tuple(_object(element) for element in top.findall("object"))
    return XmlAnnotation(objects, _size(top), (top.findtext("filename") or "").strip())


def _parse(content: bytes) -> Element:
    # As text, since the parser itself knows few encodings, and takes a text's declaration for said.
    text = _text(content).lstrip("\ufeff \t\r\n")
    try:
        return fromstring(text, forbid_dtd=True)
    except DefusedXmlException:
        raise AnnotationError("it has a document type (DOCTYPE), which is not read") from None
    except (ParseError, ValueError, RecursionError, MemoryError) as error:
        raise AnnotationError(f"not well-formed XML: {error}") from None


def _text(content: bytes) -> str:
    declared = DECLARED.match(content[:1000])
    encoding = next((name for mark, name in BEGINNINGS.items() if content.startswith(mark)), None)
    if encoding is None:
        encoding = declared.group(1).decode() if declared else "utf-8"
        if declared and encoding.casefold().replace("_", "-").startswith("utf-16"):
            encoding = "utf-8"  # as .NET declares it: bytes that show a declaration have one a letter
    try:
        return content.decode(encoding)
    except UnicodeDecodeError as error:
        what = f"declares {encoding}" if declared else "declares no encoding and is not UTF-8"
        raise AnnotationError(f"it {what}, but byte {error.start} does not fit: {error.reason}") from None
    except LookupError:
        raise AnnotationError(f"it declares the encoding {encoding!r}, which is not known") from None


def _object(element: Element) -> XmlObject:
    name = (element.findtext("name") or "").strip()
    if not name:
        raise AnnotationError("an object without a name")
    word = (element.findtext("difficult") or "").strip()
    difficult = yes_or_no(word)
    unread = word if difficult is None else None
    try:
        xmin, ymin, xmax, ymax = (
            float((element.findtext(f"bndbox/{side}") or "").replace(",", "."))
            for side in ("xmin", "ymin", "xmax", "ymax")
        )
    except ValueError:
        return XmlObject(name, None, bool(difficult), unread)
    return XmlObject(name, (xmin - 1, ymin - 1, xmax, ymax), bool(difficult), unread)


def _size(top: Element) -> tuple[int, int] | None:
    # Some tools leave the size out, or write zeros.
    try:
        width, height = (float(top.findtext(f"size/{side}") or "") for side in ("width", "height"))
    except ValueError:
        return None
    whole = all(math.isfinite(side) and side >= 1 for side in (width, height))
    return (int(width), int(height)) if whole else None
