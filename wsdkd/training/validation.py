"""Losses on the validation split, for the curves."""

from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from accelerate import Accelerator
from accelerate.utils import gather_object

from wsdkd.data.tables import ImageRow
from wsdkd.training.loader import Extras, load_batches
from wsdkd.training.loop import Objective
from wsdkd.training.pictures import Pictures, Stem
from wsdkd.training.views import plain_batches


def validator(
    objective: Objective,
    rows: Sequence[ImageRow],
    root: Path,
    extras: Extras,
    size: int,
    batch_size: int,
    accelerator: Accelerator,
) -> Callable[[], dict[str, float]]:
    """A function that gives the objective's losses on ``rows``, averaged over images.

    Args:
        objective: in evaluation mode when the function is called.
        rows: images of the validation split; without any, the function gives nothing.
        root: folder that their paths are relative to.
        extras: what the losses need of these images besides pictures.
        size: side of the square input, in pixels.
        batch_size: images a batch, of all processes together.
        accelerator: device and processes.
    """
    pictures = Pictures(rows, root, [size])
    batches = plain_batches(len(rows), batch_size, size)
    # Every process sees whole batches, its share of them, as the last may be small.
    mine = batches[accelerator.process_index :: accelerator.num_processes]

    @torch.no_grad()
    def validate() -> dict[str, float]:
        stem = Stem(objective.backbone, pictures, [size], accelerator.device)
        sums: dict[str, float] = {}
        for views_of, batch in zip(mine, load_batches(mine, stem, extras), strict=True):
            with accelerator.autocast():
                losses = objective(batch)
            for name, loss in losses.items():
                sums[name] = sums.get(name, 0.0) + float(loss) * len(views_of)
        # A process without a batch knows no names, so that they travel with the numbers.
        everyone = gather_object([sums])
        names = next((list(each) for each in everyone if each), [])
        return {name: sum(each.get(name, 0.0) for each in everyone) / len(rows) for name in names}

    return validate
