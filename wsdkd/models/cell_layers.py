"""fc6 and fc7 in each cell of a feature map, for the student and for a teacher that has them there."""

from torch import nn


def cell_layers(channels: int, hidden: int, *between: nn.Module) -> nn.Sequential:
    """Two 1 x 1 convolutions with ReLU: feature map (B, channels, h, w) -> (B, hidden, h, w).

    Args:
        channels: of the backbone's feature map.
        hidden: width of both layers.
        between: what stands between the two.
    """
    return nn.Sequential(
        nn.Conv2d(channels, hidden, 1),
        nn.ReLU(inplace=True),
        *between,
        nn.Conv2d(hidden, hidden, 1),
        nn.ReLU(inplace=True),
    )
