import pytest
import torch

from wsdkd.networks.roi_pooling import pool_regions
from wsdkd.teacher.network import RoiFeatures
from wsdkd.teacher.params import RoiPooling

MAP = torch.arange(2 * 3 * 4 * 4, dtype=torch.float32).reshape(2, 3, 4, 4)
ROIS = torch.tensor([[0, 0, 0, 64, 64], [1, 16, 16, 48, 48.0]])
OBJECTNESS = torch.tensor([0.25, 1.0])


@pytest.mark.parametrize(("scale", "bias", "expected"), [(1.0, 0.0, [0.25, 1.0]), (10.0, 1.0, [3.5, 11.0])])
def test_multiplied_by_objectness(scale: float, bias: float, expected: list[float]) -> None:
    params = RoiPooling(bins=2, objectness_scale=scale, objectness_bias=bias)
    features = RoiFeatures(params, 1 / 16)(MAP, ROIS, OBJECTNESS)
    plain = pool_regions(MAP, ROIS, 2, 1 / 16, "max")
    for place, weight in enumerate(expected):
        torch.testing.assert_close(features[place], plain[place] * weight)


def test_objectness_may_be_left_out() -> None:
    features = RoiFeatures(RoiPooling(pooling="align", bins=3, objectness=False), 1 / 16)
    torch.testing.assert_close(
        features(MAP, ROIS, OBJECTNESS), pool_regions(MAP, ROIS, 3, 1 / 16, "align"), rtol=0, atol=0
    )
