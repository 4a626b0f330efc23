import pytest
import torch
from torch import nn

from wsdkd.ground.errors import UserError
from wsdkd.networks.backbones import Backbone


def _backbone(frozen: int = 0) -> Backbone:
    torch.manual_seed(0)
    stages: list[nn.Module] = [
        nn.Sequential(nn.Conv2d(before, after, 3, stride=2, padding=1), nn.BatchNorm2d(after), nn.ReLU())
        for before, after in ((3, 4), (4, 6), (6, 8))
    ]
    return Backbone(stages, 8, 8, (0.5, 0.4, 0.3), (0.2, 0.3, 0.4), frozen_stages=frozen)


def _images(count: int = 2) -> torch.Tensor:
    generator = torch.Generator().manual_seed(1)
    return torch.randint(0, 256, (count, 3, 32, 32), generator=generator, dtype=torch.uint8)


def test_pictures_are_normalised() -> None:
    picture = torch.tensor([0, 255, 51], dtype=torch.uint8).view(1, 3, 1, 1).expand(1, 3, 2, 2)
    stem = _backbone().stem(picture)
    assert stem[0, :, 0, 0].tolist() == pytest.approx([-0.5 / 0.2, 0.6 / 0.3, -0.1 / 0.4])
    torch.testing.assert_close(stem, _backbone().stem(picture.float()))


@pytest.mark.parametrize("frozen", [0, 1, 3])
def test_stem_and_trunk_together_are_the_backbone(frozen: int) -> None:
    whole, cut = _backbone().eval(), _backbone(frozen).eval()
    with torch.no_grad():
        torch.testing.assert_close(cut.trunk(cut.stem(_images())), whole(_images()), rtol=0, atol=0)
        maps = cut.maps(cut.stem(_images()))
        torch.testing.assert_close(maps[-1], whole(_images()), rtol=0, atol=0)
    assert cut.widths() == [4, 6, 8][frozen:] or (frozen == 3 and cut.widths() == [8])


@pytest.mark.parametrize("frozen", [0, 2, 3])
def test_frozen_stages_do_not_learn(frozen: int) -> None:
    backbone = _backbone(frozen)
    before = {name: value.clone() for name, value in backbone.state_dict().items()}
    head = nn.Linear(8, 1)
    # Before train() is first called too, as for a probe of the stem.
    backbone.stem(_images())
    backbone.train()
    optimizer = torch.optim.SGD([*backbone.parameters(), *head.parameters()], lr=0.1, weight_decay=0.1)
    for _ in range(3):
        head(backbone(_images(4)).mean(dim=(2, 3))).square().mean().backward()
        optimizer.step()
    for name, value in backbone.state_dict().items():
        stage = int(name.split(".")[1])
        assert torch.equal(value, before[name]) == (stage < frozen), name


def test_more_frozen_stages_than_there_are() -> None:
    with pytest.raises(UserError, match=r"network\.frozen_stages: .* 3 stages, cannot freeze 4"):
        _backbone(4)


def test_measuring_widths_leaves_the_mode_and_the_statistics_alone() -> None:
    backbone = _backbone(1).train()
    before = {name: value.clone() for name, value in backbone.state_dict().items()}
    assert backbone.widths() == [6, 8]
    assert backbone.stages[1].training
    assert not backbone.stages[0].training
    assert all(torch.equal(value, before[name]) for name, value in backbone.state_dict().items())
