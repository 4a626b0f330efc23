"""Labels that are spoiled on purpose, what is found of them, and how that is told."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from wsdkd.data.tables import ImageRow
from wsdkd.datasets.corrections import Correction
from wsdkd.doubts.doubts import Doubt

Wrong = set[tuple[str, int]]
"""Ids of images and places of classes."""


def spoil(
    rows: Sequence[ImageRow], num_classes: int, share: float, seed: int, kept: str = "test"
) -> list[ImageRow]:
    """Drop or move a share of the present labels of images that are not in the split that is ``kept``."""
    rng = np.random.default_rng(seed)
    spoiled = []
    for row in rows:
        labels = set(row.labels)
        for label in row.labels if row.split != kept else ():
            if rng.random() < share:
                labels.discard(label)
                absent = sorted({*range(num_classes)} - {*row.labels, *row.ignored, *labels})
                if rng.random() < 0.5 and absent:
                    labels.add(int(rng.choice(absent)))
        spoiled.append(replace(row, labels=tuple(sorted(labels))))
    return spoiled


def wrong_labels(spoiled: Sequence[ImageRow], rows: Sequence[ImageRow]) -> Wrong:
    """Labels in which the two differ."""
    pairs = zip(spoiled, rows, strict=True)
    return {(one.image_id, label) for one, other in pairs for label in {*one.labels} ^ {*other.labels}}


class Found(NamedTuple):
    """What the first doubts of a ranking hold."""

    number: int
    share: float
    """Of the wrong labels that are among them."""
    right: float
    """Of them that are wrong labels."""


def found(doubts: Sequence[Doubt], wrong: Wrong, number: int) -> Found:
    """What a person finds who looks at the first ``number`` doubts."""
    hits = sum((each.row.image_id, each.label) in wrong for each in doubts[:number])
    return Found(number, hits / len(wrong), hits / max(1, min(number, len(doubts))))


def decided(doubts: Sequence[Doubt], wrong: Wrong, classes: Sequence[str]) -> list[Correction]:
    """Decisions of somebody who knows the truth."""
    return [
        Correction(
            each.row.image_id,
            classes[each.label],
            "present" if each.present else "absent",
            "absent" if each.present else "present",
            "accepted" if (each.row.image_id, each.label) in wrong else "refused",
        )
        for each in doubts
    ]


def found_by_each(ranked: dict[str, list[Doubt]], wrong: Wrong) -> dict[str, list[Found]]:
    """What each ranking finds among the first quarter, half and all of as many doubts as labels are wrong."""
    numbers = (len(wrong) // 4, len(wrong) // 2, len(wrong))
    return {name: [found(each, wrong, number) for number in numbers] for name, each in ranked.items()}


def tables(result: dict[str, Any]) -> str:
    """Both tables in Markdown."""
    numbers = [number for number, _, _ in next(iter(result["found"].values()))]
    heads = "".join(f" first {number} |" for number in numbers)
    lines = [f"| {result['wrong']} wrong labels |{heads}", f"|---|{'---:|' * len(numbers)}"]
    for name, each in result["found"].items():
        cells = "".join(
            f" {100 * share:.0f} % found, {100 * right:.0f} % right |" for _, share, right in each
        )
        lines.append(f"| {name} |{cells}")
    if "mAP" not in result:
        return "\n".join(lines)
    networks = list(next(iter(result["mAP"].values())))
    lines += ["", f"| mAP on true test labels |{''.join(f' {name} |' for name in networks)}"]
    lines.append(f"|---|{'---:|' * len(networks)}")
    for name, each in result["mAP"].items():
        lines.append(f"| {name} |{''.join(f' {each[network]:.1f} |' for network in networks)}")
    return "\n".join(lines)
