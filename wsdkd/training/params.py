"""How a network is trained. Read without torch, as parameters are."""

from typing import Literal

from wsdkd.settings.numbers import Count, Fraction, NonNegative, Positive, Seed
from wsdkd.settings.sections import Section

LabelLoss = Literal["cross_entropy", "asymmetric"]
"""By which a network is held against image-level labels."""


class Optimisation(Section):
    """How a network is trained in one stage of the pipeline."""

    epochs: Count
    batch_size: Count = 32
    """Images a step, of all processes together."""
    accumulate: Count = 1
    """A process takes its share of a batch in this many parts, one after the other, to need less memory.
    Batch normalisation then takes the statistics of a part."""
    optimizer: Literal["adamw", "sgd"] = "adamw"
    schedule: Literal["one_cycle", "step", "constant"] = "one_cycle"
    step_epochs: tuple[int, ...] = ()
    """Epochs after which schedule ``step`` divides the learning rate by ten."""
    learning_rate: Positive = 1e-3
    weight_decay: NonNegative = 1e-4
    head_multiplier: Positive = 1.0
    """New layers learn this many times faster than the pretrained ones."""
    label_loss: LabelLoss = "cross_entropy"
    """Against the labels; ``asymmetric`` makes less of easy negatives (Ridnik et al., ICCV 2021)."""
    repeat_threshold: Fraction = 0.0
    """Classes in a smaller share of images than this are shown more often, at the cost of the others (LVIS:
    0.001); 0: every image once an epoch."""
    average_decay: Fraction | None = None
    """Of a running average of the weights, which is validated and kept in their place; null: none."""
    keep: Literal["last", "best"] = "last"
    """The weights of the last epoch, or of the one with the highest mAP on the validation split."""
    precision: Literal["fp32", "bf16", "fp16"] = "fp32"
    """Of the backbone and of linear layers; RoI layers and losses stay in fp32."""
    seed: Seed = 0
