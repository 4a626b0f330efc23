"""Models of timm in stages: together they are the model, and each may be frozen, left out or compared."""

import pytest
import timm
import torch

from tests.training.small_world import CLASSES, FEATURES, TRAINING, HandMadeCache, make_world, train
from wsdkd.distill.features import feature_objective
from wsdkd.distill.from_cache import CachedFeatures
from wsdkd.distill.params import DistillFeaturesParams
from wsdkd.networks.backbones import Backbone
from wsdkd.networks.families import build_backbone
from wsdkd.networks.params import Network
from wsdkd.networks.transformers import pack, unpack
from wsdkd.student.network import Student
from wsdkd.student.params import StudentParams

VITS = ["vit_tiny_patch16_224", "vit_small_patch16_dinov3"]


def _backbone(name: str, **fields: object) -> Backbone:
    return build_backbone(Network.model_validate({"backbone": name, "weights": None, **fields})).eval()


def _file(name: str, folder: object) -> tuple[torch.nn.Module, str]:
    torch.manual_seed(0)
    model = timm.create_model(name).eval()
    torch.save(model.state_dict(), f"{folder}/weights.pth")
    return model, f"{folder}/weights.pth"


@pytest.mark.parametrize("name", ["regnetx_002", "mobilenetv4_conv_small", "swin_s3_tiny_224"])
def test_stages_in_a_row_are_timms_feature_maps(name: str, tmp_path: object) -> None:
    model, path = _file(name, tmp_path)
    backbone = _backbone(name, stride=32, weights=path, frozen_stages=1)
    images = torch.randint(0, 256, (1, 3, 224, 224), dtype=torch.uint8)
    with torch.no_grad():
        stem = backbone.stem(images)
        maps = backbone.maps(stem)
        normalised = (images.float() / 255 - backbone.mean) / backbone.std
        overlay = {"state_dict": model.state_dict()}
        extractor = timm.create_model(
            name, features_only=True, pretrained=True, pretrained_cfg_overlay=overlay
        ).eval()
        expected = [
            features.permute(0, 3, 1, 2) if name.startswith("swin") else features
            for features in extractor(normalised)
        ]
        whole = backbone(images)
    # Of two stages of one stride MobileNet gives the last.
    for own in maps[-1:] if name.startswith("mobilenet") else maps[-3:]:
        assert any(own.shape == other.shape and torch.allclose(own, other, atol=1e-5) for other in expected)
    torch.testing.assert_close(whole, expected[-1], rtol=1e-5, atol=1e-5)
    assert backbone.widths() == [own.shape[1] for own in maps]


@pytest.mark.parametrize("name", VITS)
def test_blocks_in_a_row_are_the_transformer(name: str, tmp_path: object) -> None:
    model, path = _file(name, tmp_path)
    size = model.patch_embed.img_size[0]
    backbone = _backbone(name, weights=path, frozen_stages=4)
    images = torch.randint(0, 256, (2, 3, size, size), dtype=torch.uint8)
    with torch.no_grad():
        tokens = model.forward_features((images.float() / 255 - backbone.mean) / backbone.std)
        found, maps = backbone(images), backbone.maps(backbone.stem(images))
    expected = tokens[:, model.num_prefix_tokens :].transpose(1, 2).reshape(found.shape)
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4)
    assert len(backbone.stages) == 1 + len(model.blocks)
    assert len(maps) == len(model.blocks) - 3
    torch.testing.assert_close(maps[-1], found)
    assert {own.shape for own in maps} == {found.shape}


@pytest.mark.parametrize(("name", "side", "cells"), [(VITS[0], 80, 5), (VITS[1], 60, 4), (VITS[0], 224, 14)])
def test_a_transformer_takes_pictures_of_any_side(name: str, side: int, cells: int) -> None:
    backbone = _backbone(name, stages=3)
    with torch.no_grad():
        assert backbone(torch.zeros(1, 3, side, side)).shape == (1, backbone.channels, cells, cells)
        assert backbone(torch.zeros(1, 3, side, 2 * side)).shape[2] == cells


def test_a_patch_of_14_pixels_is_the_stride() -> None:
    backbone = _backbone("vit_small_patch14_dinov2", stages=2, frozen_stages=1)
    with torch.no_grad():
        assert backbone(torch.zeros(1, 3, 56, 64)).shape == (1, 384, 4, 5)
    assert (len(backbone.stages), backbone.stride, backbone.widths()) == (2, 14, [384])


@pytest.mark.parametrize("prefix", [0, 1, 5, 9])
def test_tokens_as_a_map_and_back(prefix: int) -> None:
    tokens = torch.randn(2, prefix + 3 * 4, 6)
    packed = pack(tokens, 3, 4)
    assert packed.shape == (2, 6, 3 + -(-prefix // 4), 4)
    assert torch.equal(unpack(packed, prefix), tokens)
    assert torch.equal(packed[:, :, -3:].flatten(2).transpose(1, 2), tokens[:, prefix:])


@pytest.mark.parametrize(
    ("name", "stages", "strides_stay"),
    [("regnetx_002", 5, False), ("mobilenetv3_small_050", 7, False), ("convnext_atto", 3, True)],
)
def test_strides_are_taken_out_or_deep_stages_left_out(name: str, stages: int, strides_stay: bool) -> None:
    whole, cut = _backbone(name, stride=32), _backbone(name, stride=16)
    assert (len(cut.stages), cut.stride) == (stages, 16)
    assert (len(whole.stages) > stages) == strides_stay
    with torch.no_grad():
        assert cut(torch.zeros(1, 3, 96, 64)).shape == (1, cut.channels, 6, 4)


def test_frozen_stages_have_no_gradient_and_the_others_do() -> None:
    backbone = _backbone("mobilenetv3_small_050", stages=4, frozen_stages=2).train()
    backbone.trunk(backbone.stem(torch.rand(2, 3, 64, 64) * 255)).sum().backward()
    for place, stage in enumerate(backbone.stages):
        assert all((value.grad is None) == (place < 2) for value in stage.parameters())


@pytest.mark.parametrize("name", ["vit_tiny_patch16_224", "regnetx_002"])
def test_recipe_paper_compares_the_last_three_stages(name: str, tmp_path: object) -> None:
    world = make_world(tmp_path)  # type: ignore[arg-type]
    network = Network(backbone=name, weights=None, stages=4, stride=16, frozen_stages=1)
    student = StudentParams(network=network, input_size=32)
    params = DistillFeaturesParams(recipe="paper", training=TRAINING)
    objective, curves = train(
        lambda: feature_objective(Student(student, len(CLASSES)), params, FEATURES),
        world,
        CachedFeatures(world.rows, HandMadeCache(world), params),
    )
    assert len(objective.projections) == 3
    losses = curves.of("train/features")
    assert losses[-1] < losses[0]
