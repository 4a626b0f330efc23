"""A teacher that runs along says what a cache of it holds, and students learn the same from both."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
import torch

from tests.distill.two_views import stage_1
from tests.training.small_world import CLASSES, SIZE, STUDENT, TEACHER, World, train
from wsdkd.cache.format import CacheError
from wsdkd.cache.kept import read_kept
from wsdkd.cache.manifest import RUNNING, read_manifest
from wsdkd.cache.params import CacheParams
from wsdkd.cache.reader import TeacherCache
from wsdkd.cache.running import RunningTeacher
from wsdkd.cache.writing.build import write_teacher_cache
from wsdkd.data.images import Window
from wsdkd.distill.features import feature_objective
from wsdkd.distill.from_cache import CachedFeatures
from wsdkd.distill.params import SoftenedPredictions
from wsdkd.distill.running import AskedTeacher, keep_teacher, running_teacher
from wsdkd.ground.code import Sources
from wsdkd.ground.digests import digest
from wsdkd.networks.checkpoints import save_network
from wsdkd.proposals.stored import write_proposals
from wsdkd.student.network import Student
from wsdkd.teacher.network import Wsddn
from wsdkd.teacher.params import TeacherParams
from wsdkd.teacher.run import ProposedImages
from wsdkd.training import loader
from wsdkd.training.augmentation import Change
from wsdkd.training.course import Images
from wsdkd.training.loader import load_batches
from wsdkd.training.pictures import MEMORY_VARIABLE, Pictures, Stem
from wsdkd.training.views import View

PREDICTIONS = SoftenedPredictions(temperature=1.0, class_temperature=1.0, detection_temperature=1.0)
CROPPED = Change(window=Window(0.0, 0.0, 0.8, 1.0), colours=(1.0, 1.0, 1.0), blot=None)
VIEWS = [View(3, False, SIZE), View(5, True, SIZE, CROPPED), View(0, True, SIZE)]
ROUNDED = {"rtol": 2e-3, "atol": 2e-3}
"""Of a cache's half precision."""


class Kept(NamedTuple):
    images: Images
    cache: TeacherCache
    folder: Path
    """Of the teacher that runs along."""


BY_EACH_RANKING = pytest.mark.parametrize("kept", ["scores", "support"], indirect=True)


@pytest.fixture
def kept(world: World, tmp_path: Path, request: pytest.FixtureRequest) -> Kept:
    torch.manual_seed(0)
    params = CacheParams(rois=2, nms_iou=0.9, ranking=getattr(request, "param", "support"), batch_size=4)
    teacher = TeacherParams.model_validate({**TEACHER.model_dump(), "refinements": 1})
    save_network(tmp_path / "teacher", Wsddn(teacher, len(CLASSES)), "teacher", teacher, CLASSES)
    ids = [row.image_id for row in world.rows]
    write_proposals(tmp_path / "proposals", ((one, *world.proposals.of(one)) for one in ids))
    rows = sorted(world.rows, key=lambda row: row.image_id)
    shown = ProposedImages(rows, world.root, world.proposals)
    write_teacher_cache(tmp_path / "teacher", shown, params, tmp_path / "cache", tmp_path / "scratch")
    keep_teacher(tmp_path / "teacher", tmp_path / "proposals", params, tmp_path / "running")
    images = Images(world.root, CLASSES, world.rows, [])
    return Kept(images, TeacherCache(tmp_path / "cache"), tmp_path / "running")


@BY_EACH_RANKING
def test_it_says_of_plain_mirrored_and_cropped_views_what_the_cache_holds(kept: Kept) -> None:
    teacher, asked = running_teacher(kept.folder, kept.images)
    params = stage_1("regions", predictions=PREDICTIONS, labels_in_view=0.5)
    found = asked(CachedFeatures(kept.images.train, teacher, params))(VIEWS)
    wanted = CachedFeatures(kept.images.train, kept.cache, params)(VIEWS)
    assert found.keys() == wanted.keys() >= {"features", "region_targets", "teacher_scores", "taught"}
    for name, value in wanted.items():
        torch.testing.assert_close(found[name], value, **ROUNDED)
    assert teacher.feature_dim == kept.cache.feature_dim
    assert teacher.ranking == kept.cache.ranking


@BY_EACH_RANKING
def test_the_best_regions_are_those_of_the_cache(kept: Kept) -> None:
    rows, root = kept.images.train, kept.images.root
    found = list(RunningTeacher(kept.folder).best_of(rows, root))
    for mine, stored in zip(found, kept.cache.best_of(rows, root), strict=True):
        np.testing.assert_array_equal(mine, stored)


def test_a_student_learns_from_it_as_from_the_cache(kept: Kept, world: World) -> None:
    params = stage_1("regions", feature_weight=1.0, region_weight=1.0)
    teacher, asked = running_teacher(kept.folder, kept.images)
    reads = CachedFeatures(world.rows, teacher, params)

    def make() -> torch.nn.Module:
        return feature_objective(Student(STUDENT, len(CLASSES)), params, teacher.feature_dim)

    _, along = train(make, world, asked(reads))
    _, stored = train(make, world, CachedFeatures(world.rows, kept.cache, params))
    assert [name for _, name, _ in along.logged] == [name for _, name, _ in stored.logged]
    learned = [value for _, _, value in stored.logged]
    np.testing.assert_allclose([value for _, _, value in along.logged], learned, rtol=0.01)
    assert learned[-1] != learned[0]


def test_workers_load_its_pictures_and_the_training_process_asks_it(
    kept: Kept, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(MEMORY_VARIABLE, "0")  # nothing stays in memory, so that workers decode
    params = stage_1("regions")
    teacher, asked = running_teacher(kept.folder, kept.images)
    supervision = asked(CachedFeatures(kept.images.train, teacher, params))
    student = Student(STUDENT, len(CLASSES))
    stem = Stem(student.backbone, Pictures(kept.images.train, kept.images.root, [SIZE]), torch.device("cpu"))
    workers: list[int] = []
    wrapped: Callable[..., object] = loader.DataLoader

    def counted(*arguments: object, **options: int) -> object:
        workers.append(options["num_workers"])
        return wrapped(*arguments, **options)

    monkeypatch.setattr(loader, "DataLoader", counted)
    loaded = list(load_batches([VIEWS[:2], VIEWS[1:]], stem, supervision))
    assert workers[0] > 0
    for views, batch in zip([VIEWS[:2], VIEWS[1:]], loaded, strict=True):
        alone = CachedFeatures(kept.images.train, kept.cache, params)(views)
        for name, value in alone.items():
            torch.testing.assert_close(batch[name], value, **ROUNDED)


def test_pictures_at_hand_need_no_worker(kept: Kept) -> None:
    teacher, asked = running_teacher(kept.folder, kept.images)
    supervision = asked(CachedFeatures(kept.images.train, teacher, stage_1("regions")))
    assert isinstance(supervision, AskedTeacher)
    assert supervision.at_hand


def test_what_reads_outputs_says_that_there_are_none(kept: Kept) -> None:
    with pytest.raises(CacheError, match=r"keeps the teacher itself.*cache.kept: outputs"):
        read_manifest(kept.folder)


def test_other_classes_and_unknown_images_are_refused(kept: Kept) -> None:
    teacher = RunningTeacher(kept.folder)
    with pytest.raises(CacheError, match="trained on other classes"):
        teacher.check(CLASSES[::-1], kept.images.train)
    stranger = replace(kept.images.train[0], image_id="stranger")
    with pytest.raises(CacheError, match="no boxes of image stranger"):
        teacher.check(CLASSES, [stranger])


def test_an_edited_description_is_refused(kept: Kept) -> None:
    path = kept.folder / RUNNING
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace('"rois": 2', '"rois": 3'), encoding="utf-8")
    with pytest.raises(CacheError, match=r"running.json: digest: is not that of what the file holds"):
        read_kept(kept.folder)


def test_its_fingerprint_is_that_of_the_cache(kept: Kept) -> None:
    assert read_kept(kept.folder).fingerprint == kept.cache.fingerprint
    assert RunningTeacher(kept.folder).settings == kept.cache.settings


def test_what_is_kept_tells_by_which_code_it_runs(kept: Kept) -> None:
    assert read_kept(kept.folder).code == digest(Sources().digests("wsdkd.distill.running"))
