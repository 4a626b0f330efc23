import itertools
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.cache import synthetic_teacher as synthetic
from tests.cache.synthetic_teacher import noted
from wsdkd.cache.format import CacheError
from wsdkd.cache.manifest import read_ids, read_manifest
from wsdkd.cache.params import CacheParams
from wsdkd.cache.reader import TeacherCache
from wsdkd.cache.shard import open_shard
from wsdkd.cache.verify import verify_cache
from wsdkd.cache.writing.build import CacheBuilder
from wsdkd.cache.writing.fingerprint import CommonFingerprint
from wsdkd.cache.writing.scratch import only_writer
from wsdkd.data.tables import ImageRow
from wsdkd.scores import region_scores
from wsdkd.support import region_shares
from wsdkd.teacher.run import ImageRegions


def test_equal_inputs_give_equal_bytes_at_another_time(cache: Path, tmp_path: Path) -> None:
    time.sleep(1.1)
    synthetic.write(tmp_path / "again", tmp_path / "other", synthetic.make_rows(20))
    assert synthetic.contents(tmp_path / "again") == synthetic.contents(cache)


def test_several_processes_write_disjoint_shards_and_show_one_bar(
    cache: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = synthetic.make_rows(20)
    barrier = threading.Barrier(2)
    done: tuple[list[str], list[str]] = ([], [])

    def write(index: int) -> None:
        forward = synthetic.make_forward(synthetic.make_proposals(rows), noted(done[index]))
        who = synthetic.OneOfSeveral(index, barrier)
        synthetic.builder(rows).write(tmp_path / "two", tmp_path / "other", forward, who)

    capsys.readouterr()
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(write, range(2)))
    # Shards of eight images: the first and the third, and the second.
    ids = [row.image_id for row in rows]
    assert done == ([*ids[:8], *ids[16:]], ids[8:16])
    assert synthetic.contents(tmp_path / "two") == synthetic.contents(cache)
    bars = capsys.readouterr().err
    assert bars.count("12/12") == bars.count("100%") == 1
    assert "the first of 2 processes" in bars


def test_both_views_hold_what_the_teacher_said_in_half_precision(cache: Path) -> None:
    rows = synthetic.make_rows(20)
    proposals = synthetic.make_proposals(rows)
    with TeacherCache(cache) as reader:
        for row in rows:
            for mirrored in (False, True):
                expected, found = (
                    synthetic.regions(row, proposals, mirrored),
                    reader.view(row.image_id, mirrored),
                )
                for name in ("class_logits", "detection_logits"):
                    halved = getattr(expected, name).astype(np.float16)
                    np.testing.assert_array_equal(getattr(found, name), halved)
                np.testing.assert_array_equal(found.boxes, expected.boxes)
                np.testing.assert_array_equal(found.objectness, expected.objectness)
                np.testing.assert_allclose(found.features, expected.features[found.chosen], rtol=5e-4)
                assert np.all(np.diff(found.confidence) <= 0)
                assert sorted(found.chosen) == list(range(len(expected.boxes)))
                assert found.class_logits.dtype == found.detection_logits.dtype == np.float16
                assert found.features.dtype == np.float16


def test_in_eight_bits_both_views_come_back_within_half_a_step(tmp_path: Path) -> None:
    rows = synthetic.make_rows(20)
    proposals = synthetic.make_proposals(rows)
    synthetic.write(tmp_path / "cache", tmp_path / "scratch", rows, bits=8)
    assert all(not damages for _, damages in verify_cache(tmp_path / "cache"))
    with TeacherCache(tmp_path / "cache") as reader, open_shard(tmp_path / "cache/shard-00000.h5") as file:
        assert reader.feature_dim == synthetic.FEATURES
        for kind in (file["logits"].dtype, file["features"].dtype, file["chosen"].dtype["shares"].base):
            assert kind == np.uint8
        for row in rows:
            for mirrored in (False, True):
                expected = synthetic.regions(row, proposals, mirrored)
                found = reader.view(row.image_id, mirrored)
                pairs = [
                    (getattr(expected, name), getattr(found, name))
                    for name in ("class_logits", "detection_logits")
                ]
                for given, kept in (*pairs, (expected.features[found.chosen], found.features)):
                    assert kept.dtype == np.float32
                    half_a_step = np.ptp(given, axis=1, keepdims=True) / 255 / 2
                    assert (np.abs(kept - given) <= half_a_step * 1.02 + 1e-4).all()
                np.testing.assert_array_equal(found.boxes, expected.boxes)


@pytest.mark.parametrize("bits", [16, 8])
def test_by_support_the_shares_of_the_refined_scores_come_back(tmp_path: Path, bits: int) -> None:
    rows = synthetic.make_rows(5)
    proposals = synthetic.make_proposals(rows)

    def outputs(row: ImageRow, mirrored: bool) -> ImageRegions:
        made = synthetic.regions(row, proposals, mirrored)
        refined = np.random.default_rng([int(row.image_id[-4:]), mirrored]).random(made.class_logits.shape)
        return replace(made, refined=refined.astype(np.float32))

    def forward(rows: Sequence[ImageRow], mirrored: bool) -> Iterator[ImageRegions]:
        return (outputs(row, mirrored) for row in rows)

    made = synthetic.builder(rows, bits=bits, ranking="support")
    made.write(tmp_path / "cache", tmp_path / "scratch", forward, synthetic.OneProcess())
    with TeacherCache(tmp_path / "cache") as reader:
        for row, mirrored in itertools.product(rows, (False, True)):
            expected, found = outputs(row, mirrored), reader.view(row.image_id, mirrored)
            shares = region_shares("support", expected)
            assert not np.allclose(shares, region_shares("support", replace(expected, refined=None)))
            np.testing.assert_allclose(found.shares, shares[found.chosen], atol=1 / 255 / 2 + 1e-3)
            if not mirrored:
                best = expected.boxes[shares.argmax(axis=0)]
                np.testing.assert_array_equal(reader.best_regions(row.image_id), best)


def test_by_scores_the_shares_are_those_of_the_scores(tmp_path: Path) -> None:
    rows = synthetic.make_rows(3)
    synthetic.write(tmp_path / "cache", tmp_path / "scratch", rows)
    with TeacherCache(tmp_path / "cache") as reader:
        view = reader.view("img-0001", mirrored=True)
        scores = region_scores(view.class_logits, view.detection_logits)
        shares = (scores / scores.max(axis=0))[view.chosen]
        np.testing.assert_allclose(view.shares, shares, rtol=0.02, atol=1e-3)


def test_the_best_regions_alone_keep_features(tmp_path: Path) -> None:
    rows = synthetic.make_rows(10)
    synthetic.write(tmp_path / "cache", tmp_path / "scratch", rows, rois=3)
    reader = TeacherCache(tmp_path / "cache")
    counts = [len(reader.view(row.image_id, False).chosen) for row in rows]
    assert max(counts) == 3
    assert all(len(reader.view(row.image_id, True).features) <= 3 for row in rows)
    reader.close()


@pytest.mark.parametrize(("value", "message"), [(7e4, "float16 holds"), (np.nan, "not finite")])
@pytest.mark.parametrize("array", ["class_logits", "detection_logits", "features"])
@pytest.mark.parametrize("bits", [16, 8])
def test_what_half_precision_cannot_hold_is_refused(
    tmp_path: Path, array: str, value: float, message: str, bits: int
) -> None:
    rows = synthetic.make_rows(3)
    proposals = synthetic.make_proposals(rows)

    def forward(rows, mirrored):  # type: ignore[no-untyped-def]
        for row in rows:
            made = synthetic.regions(row, proposals, mirrored)
            if row.image_id == "img-0001" and mirrored:
                made = replace(made, **{array: getattr(made, array) + np.float32(value)})
            yield made

    with pytest.raises(CacheError, match=rf"img-0001: \w+: .*{message}|img-0001.*{message}"):
        synthetic.builder(rows, bits=bits).write(
            tmp_path / "cache", tmp_path / "scratch", forward, synthetic.OneProcess()
        )
    assert not (tmp_path / "cache").exists()
    assert not list((tmp_path / "scratch").rglob("*.h5"))


def test_outputs_of_another_image_are_refused(tmp_path: Path) -> None:
    rows = synthetic.make_rows(3)
    forward = synthetic.make_forward(synthetic.make_proposals(rows))
    with pytest.raises(CacheError, match="came for image img-0000"):
        synthetic.builder(rows).write(
            tmp_path / "cache",
            tmp_path / "scratch",
            lambda rows, mirrored: forward(rows[::-1], mirrored),
            synthetic.OneProcess(),
        )


def test_a_second_writer_is_refused(cache: Path, tmp_path: Path) -> None:
    with (
        only_writer(tmp_path / "scratch", True),
        pytest.raises(CacheError, match="another process is writing"),
    ):
        synthetic.write(cache, tmp_path / "scratch", synthetic.make_rows(20))


def test_no_images_are_refused() -> None:
    one = synthetic.make_rows(1)
    params, common = CacheParams(), CommonFingerprint(synthetic.PARTS, {})
    with pytest.raises(CacheError, match="no training images"):
        CacheBuilder([], synthetic.CLASSES, synthetic.make_proposals(one), 500, params, common)


def test_the_manifest_lists_each_image_once(cache: Path) -> None:
    manifest = read_manifest(cache)
    assert sum(entry.images for entry in manifest.shards) == 20
    assert sorted(read_ids(cache, manifest)) == [row.image_id for row in synthetic.make_rows(20)]
    assert manifest.feature_dim == synthetic.FEATURES
