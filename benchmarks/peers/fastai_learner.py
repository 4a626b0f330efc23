"""fastai's multi-label learner: a network of timm from ImageNet weights; head and training are its own.

Howard and Gugger, "fastai: A Layered API for Deep Learning" (Information, 2020). All numbers are fastai's
defaults, but for the side of the pictures, which is the student's, and for the epochs, of which it gets as
many as fit into the time. fastai is the extra ``peers``.
"""

import time
from collections.abc import Callable, Sequence
from contextlib import redirect_stdout
from functools import partial
from io import StringIO
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import timm
import torch

from wsdkd.data.tables import ImageRow
from wsdkd.evaluation.cost import count_multiply_adds
from wsdkd.ground.errors import UserError
from wsdkd.networks.params import Network
from wsdkd.networks.weights import SHIPPED, shipped

BATCH = 64
"""fastai's own."""


class Photographs(NamedTuple):
    """What it learns from: pictures below ``root``, their classes by name."""

    root: Path
    classes: Sequence[str]
    train: Sequence[ImageRow]
    val: Sequence[ImageRow]


class Learned(NamedTuple):
    """A learner that has been trained.

    Attributes:
        seconds: of its training.
        multiply_adds: of a picture.
        epochs: all layers learned in; in one before these the head alone did.
        scores: of rows of images, (N, K), probabilities.
    """

    seconds: float
    multiply_adds: int
    epochs: int
    scores: Callable[[Sequence[ImageRow]], np.ndarray]


def learn(photographs: Photographs, network: Network, side: int, seconds: float, seed: int) -> Learned:
    """Train for about so many seconds.

    Args:
        photographs: to learn from.
        network: whose backbone is taken, with ImageNet's weights.
        side: of the square input, in pixels.
        seconds: of training; an epoch is timed before, with a learner that is thrown away.
        seed: of all that is drawn.

    Raises:
        UserError: fastai is not installed.
    """
    try:
        from fastai.vision import all as fastai
    except ImportError as error:
        raise UserError(f"fastai cannot be loaded ({error}); run: pip install -e '.[peers]'") from None

    bare: Any = timm.create_model(network.backbone)
    statistics = (bare.pretrained_cfg["mean"], bare.pretrained_cfg["std"])
    here = network.backbone in SHIPPED  # timm itself would download their weights
    weights = shipped(network.backbone, bare.state_dict()) if here else {}

    def learner() -> Any:
        fastai.set_seed(seed)
        rows = [*photographs.train, *photographs.val]
        held = range(len(photographs.train), len(rows))
        block = fastai.DataBlock(
            blocks=(fastai.ImageBlock, fastai.MultiCategoryBlock(vocab=list(photographs.classes))),
            get_x=lambda row: photographs.root / row.path,
            get_y=lambda row: [photographs.classes[label] for label in row.labels],
            splitter=fastai.IndexSplitter(list(held)),
            item_tfms=fastai.Resize(side, method="squish"),
            batch_tfms=[*fastai.aug_transforms(), fastai.Normalize.from_stats(*statistics)],
        )
        loaders = block.dataloaders(rows, bs=min(BATCH, len(photographs.train)))
        made = fastai.vision_learner(loaders, network.backbone, pretrained=not here, normalize=False)
        if here:
            made.model[0].model.load_state_dict(weights, strict=False)  # all but the classifier
        made.remove_cb(fastai.ProgressCallback)
        return made

    def timed(training: Callable[[], object]) -> float:
        started = time.perf_counter()
        with redirect_stdout(StringIO()):  # a line an epoch
            training()
        return time.perf_counter() - started

    # Its usual training: an epoch of the head alone, then all layers.
    each = timed(partial(learner().fit, 1))
    learned, epochs = learner(), max(1, round(seconds / each) - 1)
    spent = timed(partial(learned.fine_tune, epochs))

    def scores(rows: Sequence[ImageRow]) -> np.ndarray:
        found: np.ndarray = learned.get_preds(dl=learned.dls.test_dl(list(rows)))[0].numpy()
        return found

    picture = torch.zeros(1, 3, side, side)
    model = learned.model.eval().cpu()
    return Learned(spent, count_multiply_adds(lambda: model(picture)), epochs, scores)
