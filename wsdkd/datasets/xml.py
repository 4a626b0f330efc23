"""XML from strangers: parsed without entities or external files, up to a size."""

from pathlib import Path
from xml.etree.ElementTree import Element, TreeBuilder
from xml.parsers import expat

MAX_BYTES = 4 * 1024 * 1024  # a VOC annotation has a few kilobytes


class XmlError(ValueError):
    """A file is not XML that we read; the message says why, without the path."""


def parse_xml(path: Path) -> Element:
    """Parse a small XML file.

    A document type is refused, and with it every entity but the five of XML itself, so that no
    file can expand into gigabytes or name another file.

    Raises:
        XmlError: missing, larger than ``MAX_BYTES``, with a document type, or not well-formed.
    """
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise XmlError(f"cannot be read: {error.strerror}") from None
    if len(content) > MAX_BYTES:
        raise XmlError(f"more than {MAX_BYTES} bytes")
    builder = TreeBuilder()
    parser = expat.ParserCreate()
    parser.StartElementHandler = builder.start
    parser.EndElementHandler = builder.end
    parser.CharacterDataHandler = builder.data
    parser.StartDoctypeDeclHandler = _refuse_doctype
    try:
        parser.Parse(content, True)
    except expat.ExpatError as error:
        raise XmlError(f"not well-formed XML: {error}") from None
    return builder.close()


def _refuse_doctype(*_: object) -> None:
    raise XmlError("it has a document type (DOCTYPE), which is not read")
