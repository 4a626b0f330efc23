from pathlib import Path

import pytest
import torch
import torchvision
from torch import nn

from wsdkd.ground.errors import UserError
from wsdkd.networks.families import build_backbone
from wsdkd.networks.params import Network
from wsdkd.student.network import Student
from wsdkd.student.params import StudentParams
from wsdkd.teacher.network import Wsddn
from wsdkd.teacher.params import RoiPooling, TeacherParams
from wsdkd.training.params import Optimisation


def _network(**fields: object) -> Network:
    return Network.model_validate({"weights": None, **fields})


def _fabricated(model: nn.Module, folder: Path, without: str = "-") -> Path:
    # Each tensor is full of its own number. Expanded from one element it takes no space on disk.
    state = {
        name: torch.tensor(float(place)).expand(value.shape)
        for place, (name, value) in enumerate(model.state_dict().items())
        if not name.startswith(without)
    }
    path = folder / "weights.pth"
    torch.save(state, path)
    return path


@pytest.mark.usefixtures("quick_vgg16")
def test_vgg16_is_the_released_one(tmp_path: Path) -> None:
    path = _fabricated(torchvision.models.vgg16(), tmp_path)
    backbone = build_backbone(_network(backbone="vgg16", weights=str(path)))
    layers = [layer for stage in backbone.stages for layer in stage.children()]
    convolutions = [layer for layer in layers if isinstance(layer, nn.Conv2d)]
    assert [layer.out_channels for layer in convolutions] == [64] * 2 + [128] * 2 + [256] * 3 + [512] * 6
    assert {layer.kernel_size for layer in convolutions} == {(3, 3)}
    # To conv5_3 and its ReLU: four of the five poolings, so that the stride is 16.
    assert sum(isinstance(layer, nn.MaxPool2d) for layer in layers) == 4
    assert isinstance(layers[-1], nn.ReLU)
    assert (backbone.channels, backbone.stride) == (512, 16)
    # Tensors are numbered in the order of the file: 26 of the convolutions, then fc6 and fc7.
    assert [layer.weight[0, 0, 0, 0].item() for layer in convolutions] == [2.0 * i for i in range(13)]
    assert backbone.fully_connected is not None
    linear = [layer for layer in backbone.fully_connected.modules() if isinstance(layer, nn.Linear)]
    assert [tuple(layer.weight.shape) for layer in linear] == [(4096, 512 * 7 * 7), (4096, 4096)]
    assert [layer.weight[0, 0].item() for layer in linear] == [26, 28]
    assert [layer.bias[0].item() for layer in linear] == [27, 29]


@pytest.mark.usefixtures("quick_vgg16")
def test_weights_of_vgg16_without_fc6_are_refused(tmp_path: Path) -> None:
    path = _fabricated(torchvision.models.vgg16(), tmp_path, without="classifier.0")
    with pytest.raises(UserError, match=r"2 tensors of vgg16 are missing .* first classifier\.0\.weight"):
        build_backbone(_network(backbone="vgg16", weights=str(path)))


@pytest.mark.usefixtures("quick_vgg16")
def test_vgg16_as_teacher_and_student() -> None:
    network = _network(backbone="vgg16", frozen_stages=2)
    training = Optimisation(epochs=1)
    params = TeacherParams(network=network, input_size=64, train_sizes=(64,), dropout=0.3, training=training)
    teacher = Wsddn(params, 5).eval()
    for parameter in teacher.parameters():
        nn.init.constant_(parameter, 1e-3)
    rois = torch.tensor([[0, 0, 0, 64, 64], [1, 16, 0, 48, 32.0], [1, 0, 0, 1, 1]])
    with torch.no_grad():
        assert teacher.backbone(torch.zeros(2, 3, 64, 96)).shape == (2, 512, 4, 6)
        outputs = teacher(torch.zeros(2, 3, 64, 64), rois, torch.ones(3))
    assert [tuple(part.shape) for part in outputs] == [(3, 5), (3, 5), (3, 4096), (3, 0, 6)]
    # fc6 and fc7 are pretrained: only the heads learn faster.
    assert teacher.new_layers() == [teacher.classification, teacher.detection]
    assert [layer.p for layer in teacher.modules() if isinstance(layer, nn.Dropout)] == [0.3, 0.3]
    student = Student(StudentParams(network=network, input_size=64), 5)
    assert student.feature_dim == 4096
    assert student.new_layers() == [student.classifier]
    assert student.eval()(torch.zeros(2, 3, 64, 64)).shape == (2, 5)


@pytest.mark.usefixtures("quick_vgg16")
@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"stride": 32}, r"network\.stride: vgg16 has stride 16, got 32"),
        ({"stages": 3}, r"network\.stages: vgg16 is used whole"),
        ({"frozen_stages": 6}, r"network\.frozen_stages: the backbone has 5 stages"),
    ],
)
def test_what_vgg16_has_not(fields: dict[str, object], message: str) -> None:
    with pytest.raises(UserError, match=message):
        build_backbone(_network(backbone="vgg16", **fields))


@pytest.mark.usefixtures("quick_vgg16")
def test_fc6_of_vgg16_takes_seven_bins() -> None:
    params = TeacherParams(
        network=_network(backbone="vgg16"),
        input_size=64,
        train_sizes=(64,),
        roi=RoiPooling(bins=3),
        training=Optimisation(epochs=1),
    )
    with pytest.raises(UserError, match=r"roi\.bins: fc6 of vgg16 takes 7 bins, got 3"):
        Wsddn(params, 5)


def test_a_resnet_is_torchvisions(tmp_path: Path) -> None:
    name, channels = "resnet18", 512
    torch.manual_seed(0)
    reference = torchvision.models.get_model(name).eval()
    path = tmp_path / "weights.pth"
    state = {key: value for key, value in reference.state_dict().items() if not key.startswith("fc.")}
    torch.save(state, path)
    images = torch.randint(0, 256, (1, 3, 64, 96), dtype=torch.uint8)
    whole = build_backbone(_network(backbone=name, stride=32, weights=str(path))).eval()
    assert (whole.channels, whole.stride) == (channels, 32)
    outputs = {}
    reference.avgpool.register_forward_hook(lambda _m, inputs, _o: outputs.update(features=inputs[0]))
    with torch.no_grad():
        reference((images.float() / 255 - whole.mean) / whole.std)
        torch.testing.assert_close(whole(images), outputs["features"], rtol=0, atol=0)
    for stride in (16, 8):
        backbone = build_backbone(_network(backbone=name, stride=stride)).eval()
        with torch.no_grad():
            assert backbone(images).shape == (1, channels, 64 // stride, 96 // stride)
        assert {conv.dilation for conv in backbone.modules() if isinstance(conv, nn.Conv2d)} == {(1, 1)}


def test_a_resnet_is_used_whole() -> None:
    with pytest.raises(UserError, match=r"network\.stages: resnet18 is used whole; only null, got 2"):
        build_backbone(_network(backbone="resnet18", stages=2))


def test_a_download_that_fails_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    def unreachable(*_: object, **__: object) -> None:
        raise OSError("no route to host")

    monkeypatch.setattr(torchvision.models.ResNet18_Weights, "get_state_dict", unreachable)
    with pytest.raises(UserError, match=r"resnet18 cannot be downloaded \(no route to host\).*name the file"):
        build_backbone(_network(backbone="resnet18", weights="imagenet"))
