"""What the teacher and the student have in common: a backbone and the way it is optimised."""

from typing import Annotated, Literal

from pydantic import Field

from wsdkd.settings.numbers import Count, NonNegative, Positive
from wsdkd.settings.sections import Section


class Optimisation(Section):
    """How a network is trained in one stage of the pipeline."""

    epochs: Count
    batch_size: Count = 32
    optimizer: Literal["adamw", "sgd"] = "adamw"
    schedule: Literal["one_cycle", "step", "constant"] = "one_cycle"
    step_epochs: tuple[int, ...] = ()
    """Epochs after which schedule ``step`` divides the learning rate by ten."""
    learning_rate: Positive = 1e-3
    weight_decay: NonNegative = 1e-4
    head_multiplier: Positive = 1.0
    """New layers learn this many times faster than the pretrained ones."""
    precision: Literal["fp32", "bf16", "fp16"] = "fp32"
    """Of the backbone and of linear layers; RoI layers and losses stay in fp32."""
    seed: Annotated[int, Field(ge=0)] = 0
