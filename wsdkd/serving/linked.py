"""Pictures sorted into folders by their labels: links to where they lie; nothing is copied or moved."""

from collections.abc import Iterable, Iterator
from pathlib import Path

from wsdkd.serving.labels import Choice, Scored

UNLABELLED = "(no label)"


def linked(pictures: Iterable[Scored], choice: Choice, folder: Path) -> Iterator[Scored]:
    """Yield pictures, and leave a link to each below ``folder``, in the folder of each of its labels.

    Args:
        pictures: with their scores.
        choice: of labels.
        folder: new or empty.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for path, scores in pictures:
        for name in choice.names(scores) or [UNLABELLED]:
            # A class may be called what no folder can be.
            place = folder / (name.replace("/", "-").replace("\0", "-").lstrip(".") or "-")
            place.mkdir(exist_ok=True)
            _free(place / path.name).symlink_to(path.absolute())
        yield path, scores


def _free(wanted: Path) -> Path:
    """``wanted``, or the first name after it that is free: pictures of two folders may have one name."""
    number, path = 1, wanted
    while path.is_symlink():
        number += 1
        path = wanted.with_name(f"{wanted.stem}-{number}{wanted.suffix}")
    return path
