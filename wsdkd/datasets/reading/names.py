"""Names of classes: one spelling of each, those that may be meant, and those that differ by a hair."""

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from unicodedata import normalize

from wsdkd.datasets.reading.rejections import DatasetError


def class_name(text: str) -> str:
    """A name in one spelling: Unicode's composed form (NFC), without blanks around it.

    A letter with an accent may be one character or two, according to the tool and the system, and both
    look the same.
    """
    return normalize("NFC", text).strip()


def class_list(found: Iterable[str], allowed: Sequence[str] | None, where: object) -> tuple[str, ...]:
    """The classes: ``allowed`` in their order, or those found, sorted.

    Args:
        found: names as :func:`class_name` spells them.
        allowed: by the parameter ``dataset.classes``, if it names any.
        where: whence the names come, for the message.

    Raises:
        DatasetError: there is none, one stands in ``allowed`` twice, or one is not text that can be stored.
    """
    names = tuple(sorted(set(found))) if allowed is None else tuple(map(class_name, allowed))
    if not names:
        raise DatasetError(f"{where}: no label in it, so there is nothing to learn")
    for name in names:
        if names.count(name) > 1:
            raise DatasetError(f"dataset.classes: {name!r} stands in it twice")
        if not name or not _is_text(name):
            raise DatasetError(f"{where}: {name!r} cannot be the name of a class")
    return names


def hardly_different(names: Iterable[str]) -> list[tuple[str, ...]]:
    """Names that differ in case, blanks, hyphens or underscores alone, two or more together."""
    alike: dict[str, list[str]] = defaultdict(list)
    for name in names:
        alike[re.sub(r"[\s_-]+", "", normalize("NFKC", name).casefold())].append(name)
    return [tuple(same) for same in alike.values() if len(same) > 1]


def _is_text(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True
