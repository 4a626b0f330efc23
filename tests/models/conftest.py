from functools import partial

import pytest
import torchvision
from torch import nn


@pytest.fixture
def quick_vgg16(monkeypatch: pytest.MonkeyPatch) -> None:
    """VGG16 without drawing its 138 million random weights: they are whatever memory holds, or zeros."""
    for kind in (nn.Linear, nn.Conv2d):
        monkeypatch.setattr(kind, "reset_parameters", lambda _: None)
    monkeypatch.setattr(
        torchvision.models, "vgg16", partial(torchvision.models.vgg16, init_weights=False), raising=True
    )
