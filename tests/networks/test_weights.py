import os
import pickle
from pathlib import Path

import pytest
import safetensors.torch
import torch

from wsdkd.ground.errors import UserError
from wsdkd.networks.families import build_backbone
from wsdkd.networks.params import Network
from wsdkd.networks.weights import NothingDrawn, read_file

STATE = {"a": torch.arange(6.0).reshape(2, 3), "b": torch.tensor(1)}


class _Malicious:
    def __init__(self, target: Path):
        self.target = target

    def __reduce__(self) -> object:
        return (os.mkdir, (str(self.target),))


def _saved(path: Path, content: object) -> Path:
    torch.save(content, path)
    return path


@pytest.mark.parametrize(
    "name",
    ["tf_efficientnet_lite0", "resnet18", "vgg16", "vit_tiny_patch16_224", "swin_tiny_patch4_window7_224"],
)
def test_a_network_for_weights_from_a_file_draws_none(name: str) -> None:
    params = Network(backbone=name, weights=None)
    before = torch.get_rng_state()
    with NothingDrawn():
        empty = build_backbone(params)
    assert torch.equal(torch.get_rng_state(), before)
    if name == "vgg16":  # drawing its weights to compare them is what takes long
        return
    drawn = build_backbone(params).eval()
    assert not torch.equal(torch.get_rng_state(), before)
    empty.load_state_dict(drawn.state_dict())
    pictures = torch.randint(0, 256, (1, 3, 64, 64), generator=torch.Generator().manual_seed(0)).byte()
    with torch.inference_mode():
        assert torch.equal(empty.eval()(pictures), drawn(pictures))


@pytest.mark.parametrize("wrapped", [False, True])
def test_reads_a_pytorch_file(tmp_path: Path, wrapped: bool) -> None:
    path = _saved(tmp_path / "w.pth", {"state_dict": STATE, "epoch": 3} if wrapped else STATE)
    assert all(torch.equal(value, STATE[name]) for name, value in read_file(path).items())


def test_reads_safetensors(tmp_path: Path) -> None:
    path = tmp_path / "w.safetensors"
    safetensors.torch.save_file(STATE, path)
    assert all(torch.equal(value, STATE[name]) for name, value in read_file(path).items())


@pytest.mark.parametrize("form", ["torch", "pickle"])
def test_code_in_a_file_is_not_run(tmp_path: Path, form: str) -> None:
    path, target = tmp_path / "w.pth", tmp_path / "executed"
    content = {"a": STATE["a"], "b": _Malicious(target)}
    if form == "torch":
        torch.save(content, path)
    else:
        path.write_bytes(pickle.dumps(content))
    with pytest.raises(UserError, match=r"w\.pth: cannot be read as weights"):
        read_file(path)
    assert not target.exists()


@pytest.mark.parametrize("content", [[STATE["a"]], {"a": "text"}, STATE["a"]])
def test_what_is_not_a_dictionary_of_tensors(tmp_path: Path, content: object) -> None:
    with pytest.raises(UserError, match=r"w\.pth: expected a dictionary of tensors"):
        read_file(_saved(tmp_path / "w.pth", content))


@pytest.mark.parametrize("name", ["w.pth", "w.safetensors"])
def test_a_truncated_file(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    if name == "w.pth":
        torch.save(STATE, path)
    else:
        safetensors.torch.save_file(STATE, path)
    path.write_bytes(path.read_bytes()[:50])
    with pytest.raises(UserError, match="cannot be read as weights"):
        read_file(path)


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no such file of weights; name one that exists, 'imagenet' or null"):
        read_file(tmp_path / "w.pth")


def test_one_flipped_bit_of_a_tensor(tmp_path: Path) -> None:
    path = _saved(tmp_path / "w.pth", STATE)
    content = bytearray(path.read_bytes())
    content[content.index(STATE["a"].numpy().tobytes()) + 9] ^= 4
    path.write_bytes(content)
    with pytest.raises(
        UserError, match=r"w\.pth: cannot be read as weights: damaged: the checksum of .* differs"
    ):
        read_file(path)
