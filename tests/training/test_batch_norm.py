"""Batch normalisation over processes, against torch's own over the whole batch."""

import copy
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch
from timm.layers import BatchNormAct2d
from torch import distributed, nn

from wsdkd.training import batch_norm
from wsdkd.training.batch_norm import convert_for_gpus, whole_batch


@pytest.fixture
def group(tmp_path: Path) -> Iterator[None]:
    distributed.init_process_group("gloo", init_method=f"file://{tmp_path}/store", rank=0, world_size=1)
    yield
    distributed.destroy_process_group()


def _layer(make: Callable[[int], nn.Module]) -> nn.Module:
    torch.manual_seed(0)
    layer = make(4)
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter.normal_()
    return layer


def _pass(layer: nn.Module, features: torch.Tensor, processes: int) -> dict[str, torch.Tensor]:
    features = features.clone().requires_grad_()
    with whole_batch(processes):
        output = layer(features)
    (output.float() * torch.arange(output.numel()).view(output.shape).cos()).sum().backward()
    gradients = {name: parameter.grad for name, parameter in layer.named_parameters()}
    return {"output": output, "features": features.grad, **gradients, **dict(layer.named_buffers())}


@pytest.mark.usefixtures("group")
@pytest.mark.parametrize("make", [nn.BatchNorm2d, BatchNormAct2d, lambda n: nn.BatchNorm2d(n, affine=False)])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_one_process_s_share_is_the_whole(make: Callable[[int], nn.Module], dtype: torch.dtype) -> None:
    # The path of several processes, taken by one, which then is all there are.
    features = (3 + 2 * torch.randn(5, 4, 6, 6, generator=torch.Generator().manual_seed(1))).to(dtype)
    expected = _pass(_layer(make), features, processes=1)
    found = _pass(_layer(make), features, processes=2)
    assert found["output"].dtype == dtype
    tolerance = 1e-5 if dtype == torch.float32 else 2e-2
    for name, value in expected.items():
        torch.testing.assert_close(found[name], value, rtol=tolerance, atol=tolerance)


@pytest.mark.usefixtures("group")
def test_frozen_statistics_stay() -> None:
    layer = _layer(nn.BatchNorm2d).eval()
    features = torch.randn(5, 4, 6, 6)
    assert torch.equal(_pass(layer, features, processes=2)["output"], layer(features))
    assert torch.equal(layer.running_mean, torch.zeros(4))


def test_statistics_of_many_values_far_from_zero(monkeypatch: pytest.MonkeyPatch) -> None:
    # A mean of squares less the square of the mean would have no correct digit left.
    monkeypatch.setattr(batch_norm.distributed, "all_reduce", lambda values: values)
    features = 1e4 + torch.randn(4, 4, 32, 32, generator=torch.Generator().manual_seed(0))
    found = _pass(nn.BatchNorm2d(4), features, processes=2)["output"]
    exact = features.double()
    expected = (exact - exact.mean((0, 2, 3), keepdim=True)) / (
        exact.var((0, 2, 3), keepdim=True, unbiased=False) + 1e-5
    ).sqrt()
    torch.testing.assert_close(found, expected.float(), rtol=1e-2, atol=1e-2)


def test_torch_s_own_layers_for_gpus_are_the_same_in_evaluation() -> None:
    model = nn.Sequential(_layer(nn.BatchNorm2d), nn.Sequential(_layer(BatchNormAct2d)).eval())
    model(torch.randn(5, 4, 6, 6))  # statistics that tell layers apart
    features, parameters = torch.randn(2, 4, 6, 6), dict(model.named_parameters())
    expected = {mode: copy.deepcopy(model).train(mode)(features) for mode in (False, True)}
    state = {name: value.clone() for name, value in model.state_dict().items()}
    for _ in range(2):  # a second phase of a training converts again
        convert_for_gpus(model)
        layers = [layer for layer in model.modules() if isinstance(layer, nn.SyncBatchNorm)]
        assert [layer.training for layer in layers] == [True, False]
        assert all(value is parameters[name] for name, value in model.named_parameters())
        assert model.state_dict().keys() == state.keys()
        assert torch.equal(copy.deepcopy(model).eval()(features), expected[False])
    # Outside of a group of processes they train as they are, too.
    assert torch.equal(model.train()(features), expected[True])


def test_one_process_never_asks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batch_norm, "_batch_norm", None)
    _pass(nn.BatchNorm2d(4), torch.randn(2, 4, 3, 3), processes=1)
