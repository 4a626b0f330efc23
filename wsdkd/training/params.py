"""How a network is trained, and who is told meanwhile. Read without torch, as parameters are."""

from typing import Annotated, Literal

from pydantic import Field

from wsdkd.networks.params import Precision
from wsdkd.settings.numbers import Count, Fraction, NonNegative, Positive, Seed
from wsdkd.settings.sections import Section

LabelLoss = Literal["cross_entropy", "asymmetric"]
"""By which a network is held against image-level labels."""


Amount = Annotated[float, Field(ge=0, le=1)]


class Augmentation(Section):
    """What else than mirroring is changed of a picture, anew each time that it is shown.

    While anything is, neither pictures nor features of frozen stages are kept in memory.
    """

    crop: Annotated[float, Field(gt=0, le=1)] = 1.0
    """A random part is shown, of this share of the picture's area at least; 1: the whole. Regions of which
    less than half stays in view are left out."""
    colour: Amount = 0.0
    """Brightness, contrast and saturation are each changed by a random factor, 1 - colour to 1 + colour."""
    erase: Amount = 0.0
    """Probability of a grey blot, over 2 to 20 % of what is shown."""

    @property
    def changes(self) -> bool:
        """Whether anything is."""
        return self.crop < 1 or self.colour > 0 or self.erase > 0


class Optimisation(Section):
    """How a network is trained in one stage of the pipeline."""

    epochs: Count
    batch_size: Count = 32
    """Images a step, of all processes together."""
    accumulate: Count = 1
    """A process takes its share of a batch in this many parts, one after the other, to need less memory.
    Batch normalisation then takes the statistics of a part."""
    recompute: bool = False
    """What is inside a stage of the backbone is computed again for its gradients, in the place of being kept:
    less memory for a second forward pass, and the same results. Several processes on CPUs keep it."""
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
    augmentation: Augmentation = Augmentation()
    precision: Precision = "fp32"
    """Of the backbone and of linear layers; RoI layers, the last linear layers and losses stay in fp32."""
    seed: Seed = 0


Tracker = Literal["tensorboard", "mlflow"]


class TrackingParams(Section):
    """Who is told of a training while it goes on. No result depends on it, so no stage reruns with it."""

    trackers: tuple[Tracker, ...] = ()
