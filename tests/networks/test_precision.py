"""The precision of inference: what is in half, what stays in single, and what ``auto`` stands for."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

import wsdkd.networks.roi_pooling
from tests.training.small_world import CLASSES, STUDENT, TEACHER, World, make_world
from wsdkd.ground.errors import UserError
from wsdkd.networks.params import InferencePrecision
from wsdkd.networks.precision import allow_tf32, computing_in, in_single, placed, settled
from wsdkd.student.network import LoadedStudent, Student
from wsdkd.student.run import Labelled, label_pictures, student_outputs
from wsdkd.teacher.network import LoadedTeacher, Wsddn
from wsdkd.teacher.run import ImageRegions, PictureView, ProposedImages, run_teacher

CPU, GPU = torch.device("cpu"), torch.device("cuda")
BF16_STEP = 2.0**-8
"""Half the distance of two neighbours in bfloat16, as a share of their size."""


@pytest.fixture(autouse=True)
def _tf32() -> Iterator[None]:
    before = torch.get_float32_matmul_precision(), torch.backends.cudnn.allow_tf32
    yield
    torch.set_float32_matmul_precision(before[0])
    torch.backends.cudnn.allow_tf32 = before[1]


@pytest.fixture
def world(tmp_path: Path) -> World:
    return make_world(tmp_path, images=3)


@pytest.fixture(scope="module")
def student() -> LoadedStudent:
    torch.manual_seed(0)
    return LoadedStudent(Student(STUDENT, len(CLASSES)).eval(), STUDENT, CLASSES)


@pytest.mark.parametrize(("has_bf16", "expected"), [(True, "bf16"), (False, "fp32")])
def test_auto_is_bf16_where_a_gpu_computes_in_it(
    has_bf16: bool, expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda **_: has_bf16)
    assert settled("auto", GPU) == expected
    assert settled("auto", CPU) == "fp32"
    assert settled("fp16", GPU) == "fp16"
    assert settled("bf16", CPU) == "bf16"


def test_fp16_without_a_gpu_is_refused() -> None:
    with pytest.raises(UserError, match="precision: fp16 needs a GPU"), computing_in("fp16", CPU):
        pass


@pytest.mark.parametrize("allowed", [True, False])
def test_full_precision_on_a_gpu_is_full_in_every_operation(allowed: bool) -> None:
    allow_tf32(allowed)
    assert torch.backends.cuda.matmul.allow_tf32 == torch.backends.cudnn.allow_tf32 == allowed


def test_inference_rounds_nothing_that_stays_in_single() -> None:
    allow_tf32(True)
    placed(nn.Linear(1, 1), CPU)
    assert not torch.backends.cuda.matmul.allow_tf32
    assert not torch.backends.cudnn.allow_tf32


def test_layers_compute_in_half_and_the_last_one_in_single() -> None:
    generator = torch.Generator().manual_seed(0)
    layer, features = nn.Linear(64, 8), torch.randn(4, 64, generator=generator)
    with torch.no_grad(), computing_in("bf16", CPU):
        assert layer(features).dtype == torch.bfloat16
        single = in_single(layer, features.bfloat16())
    expected = F.linear(features.bfloat16().float(), layer.weight, layer.bias)
    assert single.dtype == torch.float32
    torch.testing.assert_close(single, expected)
    with torch.no_grad(), computing_in("auto", CPU):
        assert torch.equal(in_single(layer, features), layer(features))
    assert in_single(layer.to("meta"), features.to("meta")).shape == (4, 8)


def _regions(
    world: World, loaded: LoadedTeacher, precision: InferencePrecision = "fp32"
) -> list[ImageRegions]:
    images = ProposedImages(world.rows, world.root, world.proposals)
    view = PictureView(32, mirrored=False)
    found = run_teacher(loaded, images, view, batch_size=2, device=CPU, precision=precision, description=None)
    return list(found)


def test_the_teacher_in_half_pools_and_scores_in_single(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    torch.manual_seed(0)
    params = TEACHER.model_copy(update={"refinements": 2})
    loaded = LoadedTeacher(Wsddn(params, len(CLASSES)).eval(), params, CLASSES)
    maps, pooled = set(), set()
    loaded.model.backbone.stages[-1].register_forward_hook(lambda _, __, out: maps.add(out.dtype))
    for name in ("align_by_products", "roi_align", "roi_pool"):
        pool = getattr(wsdkd.networks.roi_pooling, name)
        monkeypatch.setattr(wsdkd.networks.roi_pooling, name, _noting(pool, pooled))
    half, single = _regions(world, loaded, "bf16"), _regions(world, loaded)
    assert maps == {torch.bfloat16, torch.float32}
    assert pooled == {torch.float32}
    for one, other in zip(half, single, strict=True):
        for name in ("class_logits", "detection_logits", "features", "refined"):
            found, expected = getattr(one, name), getattr(other, name)
            assert found.dtype == np.float32
            scale = float(np.abs(expected).max())
            np.testing.assert_allclose(found, expected, atol=16 * BF16_STEP * scale, err_msg=name)
            assert not np.array_equal(found, expected), name
        rounded = torch.from_numpy(one.class_logits).bfloat16().float().numpy()
        assert not np.array_equal(rounded, one.class_logits)
    again = _regions(world, loaded, "auto")
    assert all(np.array_equal(one.features, other.features) for one, other in zip(again, single, strict=True))


def _noting(pool: Callable[..., torch.Tensor], seen: set[torch.dtype]) -> Callable[..., torch.Tensor]:
    def noting(*given: Any, **named: Any) -> torch.Tensor:
        result = pool(*given, **named)
        seen.add(result.dtype)
        return result

    return noting


def test_a_student_in_half_says_nearly_the_same(world: World, student: LoadedStudent) -> None:
    def logits(precision: InferencePrecision) -> np.ndarray:
        return student_outputs(
            student, world.rows, world.root, batch_size=2, device=CPU, precision=precision, description="test"
        ).logits

    half, single = logits("bf16"), logits("fp32")
    np.testing.assert_array_equal(logits("auto"), single)
    assert not np.array_equal(half, single)
    np.testing.assert_allclose(half, single, atol=16 * BF16_STEP * float(np.abs(single).max()))
    paths = [world.root / row.path for row in world.rows]
    outcomes = label_pictures(student, paths, batch_size=2, device=CPU, precision="bf16")
    labelled = [each.logits for each in outcomes if isinstance(each, Labelled)]
    np.testing.assert_array_equal(np.stack(labelled), half)
