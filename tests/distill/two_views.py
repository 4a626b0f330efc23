"""A batch of two views, one of them mirrored, and parameters of stage 1."""

from wsdkd.distill.params import DistillFeaturesParams
from wsdkd.training.params import Optimisation
from wsdkd.training.views import View

TRAINING = Optimisation(epochs=2, batch_size=4, learning_rate=3e-3)
VIEWS = [View(3, False, 32), View(5, True, 32)]
COUNTS = {3: 2, 5: 3}
"""Place of an image -> how many of its regions have features."""


def stage_1(recipe: str, **fields: object) -> DistillFeaturesParams:
    return DistillFeaturesParams.model_validate({"recipe": recipe, "training": TRAINING, **fields})
