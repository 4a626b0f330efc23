"""A cache taken from another repository trains a student there, and is refused where it does not fit."""

from dataclasses import replace
from pathlib import Path

import pytest

from stages.teacher_cache import teacher_cache
from tests.pipeline.clone import Clone, git, make_clone, stages_run
from wsdkd.cache.format import OUTPUTS_VERSION, CacheError
from wsdkd.data.tables import read_classes, read_images

pytestmark = pytest.mark.long

IMPORTED = "inputs/teacher_cache"


@pytest.fixture(scope="module")
def other(team: Clone, tmp_path_factory: pytest.TempPathFactory) -> Clone:
    """Another repository with the same photographs and no teacher, and the team's cache imported into it."""
    other = make_clone(tmp_path_factory.mktemp("other") / "project")
    other.dvc("import", team.root.as_uri(), "data/teacher_cache", "--out", IMPORTED)
    other.change(f"cache.folder={IMPORTED}")
    return other


def test_a_student_is_trained_on_an_imported_cache(other: Clone) -> None:
    log = other.dvc("repro", "distill_features")
    assert stages_run(log) == {"code", "draw_scenes@scenes", "prepare", "distill_features"}
    assert (other.root / "models/student_features/model.safetensors").is_file()
    git(other.root, "add", ".")
    git(other.root, "commit", "--quiet", "--message", "Import the cache")
    assert (other.root / f"{IMPORTED}.dvc").is_file()
    # Nothing of the cache itself went into Git, and an update has a place to come from.
    tracked = other.run("git", "ls-files", "inputs").stdout.splitlines()
    assert f"{IMPORTED}.dvc" in tracked
    assert not [path for path in tracked if path.startswith(f"{IMPORTED}/")]
    assert "rev_lock" in (other.root / f"{IMPORTED}.dvc").read_text()
    other.dvc("update", f"{IMPORTED}.dvc")
    assert other.repro("distill_features") == set()


def test_a_cache_fetched_by_get_is_the_same(other: Clone, team: Clone, tmp_path: Path) -> None:
    other.dvc("get", team.root.as_uri(), "data/teacher_cache", "--out", str(tmp_path / "cache"))
    names = {path.name for path in (tmp_path / "cache").iterdir()}
    assert names == {path.name for path in (other.root / IMPORTED).iterdir()}
    for name in names:
        assert (tmp_path / "cache" / name).read_bytes() == (other.root / IMPORTED / name).read_bytes()


def test_other_classes_and_images_are_refused(other: Clone, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(other.root)
    classes = read_classes(Path("data/prepared/classes.json"))
    rows = read_images(Path("data/prepared/images.parquet"), "train")
    teacher_cache(classes, rows)
    with pytest.raises(CacheError, match=f"{IMPORTED}: made for other classes: not there: unicorn"):
        teacher_cache([*classes[:-1], "unicorn"], rows)
    with pytest.raises(CacheError, match=f"made for other images: image {rows[3].image_id} is another"):
        teacher_cache(classes, [*rows[:3], replace(rows[3], digest="0" * 64), *rows[4:]])
    with pytest.raises(CacheError, match="made for other images: 1 of 1 are not in it, the first is added"):
        teacher_cache(classes, [replace(rows[0], image_id="added")])


def test_another_version_of_outputs_stops_the_stage_with_its_name(other: Clone) -> None:
    module = other.root / "wsdkd/cache/format.py"
    before = module.read_text()
    now = before.replace(f"OUTPUTS_VERSION = {OUTPUTS_VERSION}\n", "OUTPUTS_VERSION = -1\n")
    assert now != before
    try:
        module.write_text(now)
        told = other.failing_dvc("repro", "distill_features")
    finally:
        module.write_text(before)
    assert f"error: {IMPORTED}: another cache, different in the version of the teacher's forward pass" in told
    assert "Traceback" not in told
