"""wsdkd from Python, against the command line, against networks called by hand, and against the pipeline."""

import doctest
import shutil
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from tests.pipeline.clone import Clone
from tests.training.small_world import CLASSES, SIZE, STUDENT, make_world
from wsdkd import api
from wsdkd.cache.format import CacheError
from wsdkd.cache.reader import TeacherCache
from wsdkd.data.images import load_square
from wsdkd.data.tables import SPLITS, write_classes, write_images
from wsdkd.ground.errors import UserError
from wsdkd.networks.checkpoints import save_network
from wsdkd.proposals.stored import read_proposals
from wsdkd.serving import classifier
from wsdkd.settings.sections import ParamsError
from wsdkd.student.network import Student

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with a student that is not trained, and pictures."""
    folder = tmp_path_factory.mktemp("project")
    (folder / "photos").mkdir()
    make_world(folder / "photos", images=5)
    torch.manual_seed(0)
    save_network(folder / "models/student", Student(STUDENT, len(CLASSES)), "student", STUDENT, CLASSES)
    return folder / "photos"


@pytest.fixture(scope="module")
def student(photos: Path) -> api.Classifier:
    return api.load("student", within=photos.parent)


def test_the_examples_of_the_documents_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)  # they name a profile
    for module, examples in ((api, 15), (classifier, 1)):
        result = doctest.testmod(module)
        assert result.failed == 0
        assert result.attempted >= examples


def test_every_form_of_picture_is_scored_as_the_network_scores_it(
    photos: Path, student: api.Classifier
) -> None:
    paths = sorted(photos.glob("*.png"))
    opened, array = Image.open(paths[1]), np.asarray(Image.open(paths[2]).convert("RGB"))
    mixed = student.predict([str(paths[0]), opened, array, photos], batch_size=3)
    assert [one.source for one in mixed[:2]] == [paths[0], opened]
    assert [one.source for one in mixed[3:]] == paths
    pictures = np.stack([load_square(path, SIZE) for path in paths])
    torch.manual_seed(0)
    network = Student(STUDENT, len(CLASSES)).eval()
    with torch.no_grad():
        logits = network(torch.from_numpy(pictures).permute(0, 3, 1, 2)).double().numpy()
    expected = 1 / (1 + np.exp(-logits))
    for one, scores in zip(mixed, [*expected[:3], *expected], strict=True):
        assert list(one.scores) == student.classes == CLASSES
        np.testing.assert_allclose(list(one.scores.values()), scores, rtol=1e-4)


def test_images_without_labels_are_cached_and_learned_from(tmp_path: Path) -> None:
    tiny = ["network.stages=2", "network.weights=null", "input_size=32"]
    settings = api.parameters(
        ROOT / "profiles/scenes-smoke.yaml",
        *("dataset.train_images=12", "dataset.val_images=4", "dataset.test_images=4", "dataset.side=48"),
        *("dataset.unlabelled_share=0.5", "teacher.train_sizes=[32]", "teacher.network.frozen_stages=0"),
        *(f"{network}.{change}" for network in ("teacher", "student") for change in tiny),
    )
    api.draw_scenes(settings.dataset, tmp_path / "scenes")
    dataset = api.prepare(tmp_path / "scenes", settings.dataset, tmp_path / "prepared")
    hidden, labelled = dataset.images("unlabelled"), dataset.images(SPLITS)
    assert 0 < len(hidden) < 12
    proposals = api.propose(dataset, settings.proposals, tmp_path / "proposals")
    api.train_teacher(dataset, proposals, settings, tmp_path / "teacher")
    cache = api.cache_teacher(tmp_path / "teacher", dataset, proposals, settings.cache, tmp_path / "cache")
    assert len(cache.image_ids) == 12
    assert {row.image_id for row in hidden} < set(cache.image_ids)
    assert api.distill(dataset, cache, settings, tmp_path / "student").classes == dataset.classes
    # A cache of labelled images alone is not enough to learn from the others.
    shutil.copytree(tmp_path / "prepared", tmp_path / "labelled")
    write_images(tmp_path / "labelled/images.parquet", labelled, classes=dataset.classes)
    less = api.Dataset(tmp_path / "labelled", dataset.root)
    small = api.cache_teacher(tmp_path / "teacher", less, proposals, settings.cache, tmp_path / "small")
    with pytest.raises(CacheError, match=f"{len(hidden)} of 12 are not in it"):
        api.distill(dataset, small, settings, tmp_path / "other")


def test_a_path_is_a_folder_whatever_it_is_called(photos: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(photos.parent / "models")
    before = torch.get_rng_state()
    assert api.load(Path("student")).classes == CLASSES
    assert torch.equal(torch.get_rng_state(), before), "weights were drawn that the file's replace"
    with pytest.raises(UserError, match="models/student"):
        api.load("student")


def test_one_picture_needs_no_list(photos: Path, student: api.Classifier) -> None:
    path = min(photos.glob("*.png"))
    assert student.predict(path) == student.predict([path])
    assert len(student.predict(photos)) == 5


def test_labels_are_those_above_the_threshold_or_the_best() -> None:
    said = api.Prediction(Path("a.jpg"), {"a": 0.2, "b": 0.9, "c": 0.6}, dict.fromkeys("abc", 0.5))
    assert said.labels() == ["b", "c"]
    assert said.labels(top=1) == ["b"]
    assert said.labels(threshold=0.1) == ["b", "c", "a"]
    assert said.labels(threshold=0.95) == []


def test_an_unreadable_file_is_named_or_skipped(
    tmp_path: Path, photos: Path, student: api.Classifier
) -> None:
    bad, good = tmp_path / "bad.png", min(photos.glob("*.png"))
    bad.write_bytes(good.read_bytes()[:50])
    with pytest.raises(UserError, match=r"bad\.png: cannot be decoded"):
        student.predict([good, bad])
    assert [one.source for one in student.predict([bad, good], unreadable="skip")] == [good]


def test_parameters_are_changed_in_place_and_checked() -> None:
    profile = ROOT / "profiles/scenes-smoke.yaml"
    before, after = api.parameters(profile), api.parameters(profile, "teacher.training.epochs=7")
    assert after.teacher.training.epochs == 7
    assert after.teacher.training.model_copy(update={"epochs": 1}) == before.teacher.training
    assert (after.student, after.dataset) == (before.student, before.dataset)
    with pytest.raises(ParamsError, match=r"teacher\.training\.epoch: unknown key; did you mean epochs\?"):
        api.parameters(profile, "teacher.training.epoch=7")


def test_a_photograph_is_no_scene(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"dataset\.format: only scenes can be drawn, got coco"):
        api.draw_scenes(api.parameters(ROOT / "profiles/coco.yaml").dataset, tmp_path / "scenes")
    assert not (tmp_path / "scenes").exists()


def test_nothing_that_lies_in_the_way_is_replaced(smoke: Clone, tmp_path: Path) -> None:
    settings = api.parameters(smoke.root / "profiles/scenes-smoke.yaml")
    dataset = api.Dataset(smoke.root / "data/prepared", smoke.root / "data/scenes")
    proposals, teacher = read_proposals(smoke.root / "data/proposals"), smoke.root / "models/teacher"
    cache = TeacherCache(smoke.root / "data/teacher_cache")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/thesis.txt").write_text("mine")
    for write in (
        lambda to: api.draw_scenes(settings.dataset, to),
        lambda to: api.prepare(dataset.root, settings.dataset, to),
        lambda to: api.propose(dataset, settings.proposals, to),
        lambda to: api.train_teacher(dataset, proposals, settings, to),
        lambda to: api.cache_teacher(teacher, dataset, proposals, settings.cache, to),
        lambda to: api.train_baseline(dataset, settings, to),
        lambda to: api.distill(dataset, cache, settings, to),
    ):
        for taken in (tmp_path / "mine", tmp_path / "mine/thesis.txt"):
            with pytest.raises(UserError, match="there is something already"):
                write(taken)
    assert [path.name for path in tmp_path.rglob("*")] == ["mine", "thesis.txt"]


def test_a_cache_of_other_classes_is_refused(smoke: Clone, tmp_path: Path) -> None:
    settings = api.parameters(smoke.root / "profiles/scenes-smoke.yaml")
    dataset = api.Dataset(tmp_path, smoke.root / "data/scenes")
    shutil.copytree(smoke.root / "data/prepared", tmp_path, dirs_exist_ok=True, copy_function=shutil.copyfile)
    others = [*dataset.classes[:-1], "other"]
    write_images(tmp_path / "images.parquet", dataset.images(), classes=others)
    write_classes(tmp_path / "classes.json", others)
    with pytest.raises(CacheError, match="other"):
        api.distill(
            dataset, api.TeacherCache(smoke.root / "data/teacher_cache"), settings, tmp_path / "student"
        )


def test_python_gives_what_the_pipeline_gives_to_the_byte(
    smoke: Clone, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    made, theirs = tmp_path / "made", smoke.root
    settings = api.parameters(theirs / "profiles/scenes-smoke.yaml")
    api.draw_scenes(settings.dataset, made / "scenes")
    dataset = api.prepare(made / "scenes", settings.dataset, made / "prepared")
    proposals = api.propose(dataset, settings.proposals, made / "proposals")
    cache = api.cache_teacher(
        theirs / "models/teacher", dataset, proposals, settings.cache, made / "teacher_cache"
    )
    api.distill(dataset, cache, settings, made / "student", made / "curves")
    for ours, name in (
        ("scenes", "data/scenes"),
        ("prepared", "data/prepared"),
        ("proposals", "data/proposals"),
        ("teacher_cache", "data/teacher_cache"),
        ("student", "models/student"),
        ("curves/features", "reports/curves/features"),
        ("curves/student", "reports/curves/student"),
    ):
        assert _digests(made / ours) == _digests(theirs / name), name
    assert list((tmp_path / "elsewhere").iterdir()) == []


def _digests(folder: Path) -> dict[str, str]:
    files = (path for path in folder.rglob("*") if path.is_file())
    found = {path.relative_to(folder).as_posix(): sha256(path.read_bytes()).hexdigest() for path in files}
    assert found
    return found
