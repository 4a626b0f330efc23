"""What comes together: classes in images, and images that are alike in groups."""

from collections import defaultdict
from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow.compute as pc
from scipy.sparse import csr_array

from wsdkd.data.tables import ImageRow, image_columns

FEW = 3
"""Images of a class below which it says nothing that another class is in all of them."""
MOST = 200
"""Pairs of classes that are kept."""

Groups = list[tuple[str, ...]]


@dataclass(frozen=True)
class Together:
    """Classes that come together wherever they are.

    Attributes:
        same: classes that are present in the very same images, and so cannot be told apart.
        never_without: (first, second, images of the first): the first never comes without the second, but
            the second without the first; at least :data:`FEW` images, the most frequent first, at most
            :data:`MOST` pairs.
    """

    same: tuple[tuple[int, ...], ...]
    never_without: tuple[tuple[int, int, int], ...]


def together(rows: Sequence[ImageRow], num_classes: int) -> Together:
    """Count in how many images each pair of classes is present.

    Args:
        rows: of images.
        num_classes: of the dataset.
    """
    column = image_columns(rows).table.column("labels")
    labels = np.concatenate([np.zeros(0, np.int16), *(part.flatten().to_numpy() for part in column.chunks)])
    labels = labels.astype(np.int32)
    counts = pc.list_value_length(column).to_numpy()
    offsets = np.concatenate([[0], np.cumsum(counts)])
    present = csr_array((np.ones(len(labels), np.int32), labels, offsets), shape=(len(counts), num_classes))
    both = (present.T @ present).tocoo()
    count = np.bincount(labels, minlength=num_classes)
    first, second = both.coords
    always = both.data == count[first]
    same: dict[int, list[int]] = defaultdict(list)
    twins = always & (count[second] == count[first])
    for one, other in sorted(zip(first[twins].tolist(), second[twins].tolist(), strict=True)):
        same[other].append(one)
    never = always & (count[first] >= FEW) & (count[second] > count[first])
    pairs = np.stack([first[never], second[never], both.data[never]], axis=1)
    order = np.lexsort((pairs[:, 1], pairs[:, 0], -pairs[:, 2]))[:MOST]
    return Together(
        tuple(tuple(group) for first, group in sorted(same.items()) if group[0] == first and len(group) > 1),
        tuple((int(one), int(other), int(images)) for one, other, images in pairs[order]),
    )


def groups_of(linked: Iterable[Sequence[str]], known: Container[str]) -> Groups:
    """Images that hang together, directly or through others, in order; ids that are not ``known`` are out."""
    above: dict[str, str] = {}

    def top(name: str) -> str:
        while (higher := above.setdefault(name, name)) != name:
            above[name] = name = above[higher]
        return name

    for names in linked:
        those = [name for name in names if name in known]
        for name in those[1:]:
            one, other = sorted((top(those[0]), top(name)))
            above[other] = one
    found: dict[str, list[str]] = defaultdict(list)
    for name in sorted(above):
        found[top(name)].append(name)
    return [tuple(group) for group in found.values() if len(group) > 1]
