"""The choice in a batch on a device, against the choice image by image."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.cache import synthetic_teacher as synthetic
from tests.training.small_world import CLASSES, TEACHER, make_world
from wsdkd.cache.params import CacheParams
from wsdkd.cache.writing.batch_selection import choose_in_batch
from wsdkd.cache.writing.selection import choose_rois
from wsdkd.scores import refined_scores
from wsdkd.support import Ranking
from wsdkd.teacher.batches import RegionBatch
from wsdkd.teacher.network import LoadedTeacher, RegionOutputs, Wsddn
from wsdkd.teacher.run import ImageRegions, PictureView, ProposedImages, run_teacher

CPU = torch.device("cpu")
COUNTS = (17, 1, 30, 9)
LABELS = ((1, 3), (), (0,), (2,))


def _images(branches: int) -> list[ImageRegions]:
    rng = np.random.default_rng(3)
    images = []
    for count in COUNTS:
        corners = np.sort(rng.uniform(0, 100, (count, 2, 2)), axis=1).reshape(count, 4).astype(np.float32)
        m_c, m_d = rng.normal(0, 2, (2, count, 4)).astype(np.float32)
        objectness = rng.uniform(0.1, 1, count).astype(np.float32)
        refined = rng.normal(0, 2, (count, branches, 5)).astype(np.float32)
        images.append(ImageRegions("", corners, objectness, m_c, m_d, refined, refined_scores(refined)))
    return images


def _batch(images: Sequence[ImageRegions], labels: Sequence[tuple[int, ...]]) -> RegionBatch:
    def joined(name: str) -> torch.Tensor:
        return torch.from_numpy(np.concatenate([getattr(image, name) for image in images]))

    counts = [len(image.boxes) for image in images]
    image = torch.repeat_interleave(torch.arange(len(counts)), torch.tensor(counts))
    outputs = RegionOutputs(
        joined("class_logits"), joined("detection_logits"), joined("features"), joined("features")
    )
    return RegionBatch(labels, counts, joined("boxes"), joined("objectness"), image, outputs)


@pytest.mark.parametrize("branches", [0, 2])
@pytest.mark.parametrize("ranking", ["scores", "support"])
@pytest.mark.parametrize("rois", [1, 4, 100, "all"])
def test_against_the_choice_image_by_image(rois: int | str, ranking: Ranking, branches: int) -> None:
    images = _images(branches)
    params = CacheParams.model_validate({"rois": rois, "ranking": ranking, "nms_iou": 0.4})
    found = choose_in_batch(_batch(images, LABELS), params).of_images(COUNTS)
    for one, image, labels in zip(found, images, LABELS, strict=True):
        expected = choose_rois(image, labels, params)
        np.testing.assert_array_equal(one.regions, expected.regions)
        np.testing.assert_array_equal(one.best, expected.best)
        np.testing.assert_allclose(one.confidence, expected.confidence, rtol=1e-5)
        np.testing.assert_allclose(one.shares, expected.shares, rtol=1e-5, atol=1e-30)
        assert [part.dtype for part in one] == [np.int32, np.float32, np.float32, np.int32]


@pytest.mark.parametrize("ranking", ["scores", "support"])
def test_an_image_without_regions_keeps_none(ranking: Ranking) -> None:
    images = _images(0)
    empty = replace(
        images[0],
        **{
            name: getattr(images[0], name)[:0]
            for name in ("boxes", "objectness", "class_logits", "detection_logits", "features")
        },
    )
    counts = [len(images[2].boxes), 0, len(images[3].boxes)]
    params = CacheParams(rois=3, ranking=ranking)
    found = choose_in_batch(_batch([images[2], empty, images[3]], ((0,), (1,), (2,))), params)
    first, none, last = found.of_images(counts)
    assert len(none.regions) == len(none.confidence) == len(none.shares) == 0
    assert none.best.tolist() == [-1] * 4
    for one, image, labels in ((first, images[2], (0,)), (last, images[3], (2,))):
        np.testing.assert_array_equal(one.regions, choose_rois(image, labels, params).regions)


def test_the_teacher_brings_back_the_features_of_the_chosen(tmp_path: Path) -> None:
    world = make_world(tmp_path, images=5)
    torch.manual_seed(0)
    loaded = LoadedTeacher(Wsddn(TEACHER, len(CLASSES)).eval(), TEACHER, CLASSES)
    params = CacheParams(rois=2)
    images = ProposedImages(world.rows, world.root, world.proposals)
    view, given = PictureView(32, mirrored=True), {"batch_size": 2, "device": CPU, "description": None}
    run = partial(run_teacher, loaded, images, view, **given)
    for some, whole in zip(run(choose=partial(choose_in_batch, params=params)), run(), strict=True):
        assert whole.chosen is None
        assert some.chosen is not None
        assert len(some.chosen.regions) == len(some.features) <= 2
        np.testing.assert_array_equal(some.features, whole.features[some.chosen.regions])
        np.testing.assert_array_equal(some.class_logits, whole.class_logits)
        row = next(row for row in world.rows if row.image_id == some.image_id)
        np.testing.assert_array_equal(some.chosen.regions, choose_rois(whole, row.labels, params).regions)


@pytest.mark.parametrize("rois", [3, "all"])
def test_a_cache_of_what_was_chosen_before_and_computed_ahead_is_the_same(
    tmp_path: Path, rois: int | str
) -> None:
    rows = synthetic.make_rows(11)
    params = CacheParams.model_validate({"rois": rois})
    labels = {row.image_id: row.labels for row in rows}
    forward = synthetic.make_forward(synthetic.make_proposals(rows))

    def chosen(wanted: Sequence[object], mirrored: bool) -> object:
        for said in forward(wanted, mirrored):  # type: ignore[arg-type]
            chosen = choose_rois(said, labels[said.image_id], params)
            yield replace(said, features=said.features[chosen.regions], chosen=chosen)

    synthetic.write(tmp_path / "usual", tmp_path / "one", rows, rois=rois)
    builder = synthetic.builder(rows, rois=rois)
    builder.write(tmp_path / "ahead", tmp_path / "two", chosen, synthetic.OneProcess(), ahead=3)  # type: ignore[arg-type]
    assert synthetic.contents(tmp_path / "ahead") == synthetic.contents(tmp_path / "usual")
