"""A picture that lies in a folder of each of its classes, as copies: one image with all labels."""

from collections import defaultdict
from dataclasses import replace

from wsdkd.data.tables import UNLABELLED
from wsdkd.datasets.checks.images import Found


def join_copies(found: Found) -> list[str]:
    """Join images of one split whose files are byte for byte the same, where their labels differ.

    Those with the same labels stay: a picture twice in a folder is another matter.

    Args:
        found: images of a folder a class, no boxes; the first of some copies takes all labels, the others go.

    Returns:
        A sentence that says how many, if any.
    """
    same: dict[tuple[str, str], list[int]] = defaultdict(list)
    for place, row in enumerate(found.images):
        if row.split != UNLABELLED:
            same[row.split, row.digest].append(place)
    joined, gone = 0, set()
    for places in same.values():
        if len({found.images[place].labels for place in places}) == 1:
            continue
        labels = tuple(sorted({label for place in places for label in found.images[place].labels}))
        first = places[0]
        found.images[first] = replace(found.images[first], labels=labels)
        found.records[first] = replace(found.records[first], labels=labels)
        joined += 1
        gone |= set(places[1:])
    if not joined:
        return []
    kept = [place for place in range(len(found.images)) if place not in gone]
    found.images = [found.images[place] for place in kept]
    found.records = [found.records[place] for place in kept]
    found.grids = [found.grids[place] for place in kept]
    return [
        f"copies of one picture in folders of several classes: {joined}; each is one image with all these "
        f"labels, and {len(gone)} copies are left out"
    ]
