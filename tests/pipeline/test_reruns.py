"""After each of many changes, the stages that rerun are exactly the ones that should.

The smoke profile has run once. For a changed parameter the test asks ``dvc status`` which stages have
changed themselves; they write other bytes when they rerun, so all that stands after them in dvc.yaml
follows. What changed code leads to depends on what the stage ``code`` makes of it, and what a changed
dataset leads to on ``prepare``: these really run, and ``dvc status`` says what is next.
"""

import json
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from ruamel.yaml import YAML

from tests.pipeline.clone import Clone
from tests.pipeline.graph import DRAWN, downstream
from wsdkd.profiles import customised

EVALUATE = {"evaluate"}
PREDICTIONS = {"distill_predictions", *EVALUATE}
FEATURES = {"distill_features", *PREDICTIONS}
STUDENTS = {"train_baseline", *FEATURES}
CACHE = {"cache_teacher", *FEATURES}
TEACHER = {"train_teacher", *CACHE}
PROPOSE = {"propose", "train_baseline", *TEACHER}
ALL = {"prepare", *PROPOSE}

PARAMETERS: list[tuple[str, set[str]]] = [
    ("promotion.margin=1.0", set()),
    ("tracking.trackers=[tensorboard]", set()),
    ("doubts.folds=[2]", {"score_folds@2"}),
    ("evaluation.threshold=0.4", EVALUATE),
    ("evaluation.top_k=2", EVALUATE),
    ("distill_predictions.temperature=3.0", PREDICTIONS),
    ("distill_predictions.class_temperature=0.7", PREDICTIONS),
    ("distill_predictions.detection_temperature=0.7", PREDICTIONS),
    ("distill_predictions.teacher_weight=0.5", PREDICTIONS),
    ("distill_predictions.training.epochs=2", {"train_baseline", *PREDICTIONS}),
    ("distill_features.rois=4", FEATURES),
    ("baseline.regions=4", {"train_baseline", *EVALUATE}),
    ("distill_features.training.learning_rate=5e-4", STUDENTS),
    ("student.input_size=96", STUDENTS),
    ("student.network.stride=32", STUDENTS),
    ("cache.rois=4", CACHE),
    ("cache.nms_iou=0.7", CACHE),
    ("cache.bits=8", CACHE),
    ("cache.folder=inputs/teacher_cache", FEATURES),
    ("teacher.roi.bins=3", TEACHER),
    ("teacher.training.seed=1", TEACHER),
    ("proposals.max_boxes=32", PROPOSE),
    ("proposals.beta=0.7", PROPOSE),
    ("dataset.corrections=inputs/corrections/mine.csv", ALL),
    ("dataset.seed=1", {DRAWN, *ALL}),
    ("dataset.train_images=50", {DRAWN, *ALL}),
]

EDITED = [
    ("wsdkd/datasets/scenes/shapes.py", {DRAWN}),
    ("wsdkd/datasets/coco/read.py", {"prepare"}),
    ("wsdkd/datasets/corrections.py", {"prepare"}),
    ("wsdkd/data/annotations.py", {"prepare", "evaluate"}),
    ("wsdkd/proposals/edge_boxes.py", {"propose"}),
    ("wsdkd/teacher/learning.py", {"train_teacher"}),
    ("wsdkd/student/learning.py", {"train_baseline", "distill_features", "distill_predictions"}),
    ("wsdkd/cache/writing/writer.py", {"cache_teacher"}),
    ("wsdkd/evaluation/ranking.py", {"evaluate"}),
    ("wsdkd/evaluation/params.py", {"evaluate"}),
    ("wsdkd/teacher/params.py", {"train_teacher", "cache_teacher", "evaluate"}),
    ("stages/train_teacher.py", {"train_teacher"}),
    ("stages/training.py", {"train_teacher", "train_baseline", "distill_features", "distill_predictions"}),
    ("wsdkd/training/__init__.py", {"train_baseline", *TEACHER}),
    ("wsdkd/ground/errors.py", {DRAWN, *ALL}),
    ("stages/code.py", set()),
    ("wsdkd/cli/show.py", set()),
]

# Of a module that every stage imports.
EXPLAINED = {
    "a comment": ("class UserError(ValueError):\n", "class UserError(ValueError):  # no defect of ours\n"),
    "a docstring": ("The mark that tells what a user can put right", "What a user can put right"),
    "a blank line": ("import errno\nimport os\n", "import errno\n\n\nimport os\n"),
    "another layout": ("class UserError(ValueError):\n", "class UserError(\n    ValueError,\n):\n"),
}


# Where the drawn dataset keeps its splits.
LAYOUT = {
    f"{split}_{kind}": f"{folder}{split}{suffix}"
    for split in ("train", "val", "test")
    for kind, folder, suffix in (
        ("annotations", "annotations/instances_", ".json"),
        ("images", "images/", ""),
    )
}


@pytest.mark.parametrize(("change", "expected"), PARAMETERS)
def test_a_changed_parameter(smoke: Clone, change: str, expected: set[str]) -> None:
    params = smoke.root / "params.yaml"
    with _restored(params):
        params.write_text(customised(params.read_text(), [change], params))
        assert downstream(smoke.changed()) == expected


@pytest.fixture(scope="module")
def edited(smoke: Clone, tmp_path_factory: pytest.TempPathFactory) -> Clone:
    """A copy of the clone, in which nobody needs the code to be what it was."""
    root = tmp_path_factory.mktemp("edited") / "project"
    shutil.copytree(smoke.root, root, symlinks=True)
    return Clone(root)


@pytest.mark.parametrize(("module", "expected"), EDITED)
def test_a_module_that_does_something_else(edited: Clone, module: str, expected: set[str]) -> None:
    path = edited.root / module
    with _restored(path):
        path.write_text(path.read_text() + "\nANOTHER = 1\n")
        assert edited.repro("code") == {"code"}
        assert edited.changed() == expected


@pytest.mark.parametrize("how", EXPLAINED)
def test_a_module_that_does_the_same_in_other_words(edited: Clone, how: str) -> None:
    path = edited.root / "wsdkd/ground/errors.py"
    before, after = EXPLAINED[how]
    with _restored(path):
        text = path.read_text()
        path.write_text(text.replace(before, after))
        assert path.read_text() != text
        assert edited.repro("code") == {"code"}
        assert edited.changed() == set()


@pytest.mark.parametrize(
    ("file", "expected"),
    [
        ("inputs/weights/student/mine.safetensors", STUDENTS),
        ("inputs/weights/teacher/mine.safetensors", TEACHER),
        ("inputs/proposals/boxes.npz", PROPOSE),
        ("inputs/README.md", set()),
        ("notes.txt", set()),
    ],
)
def test_a_file_that_parameters_may_name(smoke: Clone, file: str, expected: set[str]) -> None:
    path = smoke.root / file
    before = path.read_bytes() if path.exists() else None
    path.write_text("another")
    try:
        assert downstream(smoke.changed()) == expected
    finally:
        path.unlink() if before is None else path.write_bytes(before)


def test_comments_and_order_of_parameters_do_not_count(smoke: Clone) -> None:
    params = smoke.root / "params.yaml"
    with _restored(params):
        data = YAML(typ="safe", pure=True).load(params.read_text())
        params.write_text(json.dumps(dict(reversed(data.items()))))
        assert smoke.changed() == set()


def test_a_rejection_limit_reruns_prepare_alone(own: Clone) -> None:
    params = own.root / "params.yaml"
    with _restored(params):
        params.write_text(customised(params.read_text(), ["dataset.max_rejected=3"], params))
        assert own.repro() == {"prepare"}
    own.repro()


@pytest.fixture(scope="module")
def own(smoke: Clone) -> Iterator[Clone]:
    """The clone, its scenes moved to a folder of a user's own and read as COCO.

    The pictures and annotations are the same, so that this very move reruns ``prepare`` alone.
    """
    params = smoke.root / "params.yaml"
    shutil.copytree(smoke.root / "data/scenes", smoke.root / "raw")
    for path in (smoke.root / "raw").rglob("*"):
        path.chmod(0o755 if path.is_dir() else 0o644)
    with _restored(params):
        data = YAML(typ="safe", pure=True).load(params.read_text())
        data["dataset"] = {"format": "coco", "root": "raw", "draw": [], "listed": {}, **LAYOUT}
        params.write_text(json.dumps(data))
        assert smoke.repro() == {"prepare"}
        yield smoke
    # After the last test here, whatever it changed last.
    smoke.repro()


def test_a_touched_picture(own: Clone) -> None:
    _picture(own).touch()
    assert own.changed() == set()


def _reencode(clone: Clone) -> None:
    picture = _picture(clone)
    with Image.open(picture) as opened:
        image = opened.convert("RGB")
    image.save(picture, "JPEG", quality=40)


def _add(clone: Clone) -> None:
    picture = _picture(clone)
    shutil.copy(picture, picture.with_name("added.jpg"))
    with _annotations(clone) as data:
        # Ids are unique over the splits, each of which has a file of its own.
        image, annotation = (
            10**9 + max(row["id"] for row in data[kind]) for kind in ("images", "annotations")
        )
        data["images"].append({**data["images"][0], "id": image, "file_name": "added.jpg"})
        data["annotations"].append({**data["annotations"][0], "id": annotation, "image_id": image})


def _remove(clone: Clone) -> None:
    _picture(clone).unlink()
    with _annotations(clone) as data:
        gone = data["images"].pop(0)
        data["annotations"] = [each for each in data["annotations"] if each["image_id"] != gone["id"]]


def _relabel(clone: Clone) -> None:
    with _annotations(clone) as data:
        first = data["annotations"][0]
        here = {each["category_id"] for each in data["annotations"] if each["image_id"] == first["image_id"]}
        first["category_id"] = next(each["id"] for each in data["categories"] if each["id"] not in here)


def _move_box(clone: Clone) -> None:
    with _annotations(clone) as data:
        data["annotations"][0]["bbox"][2] -= 1.0


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (_reencode, ALL),
        (_add, ALL),
        (_remove, ALL),
        (_relabel, ALL),
        (_move_box, {"prepare", "evaluate"}),
    ],
)
def test_a_changed_dataset(own: Clone, change: Callable[[Clone], None], expected: set[str]) -> None:
    try:
        with _restored(own.root / "raw"):
            change(own)
            assert own.changed() == {"prepare"}
            own.repro("--single-item", "prepare")
            assert {"prepare", *downstream(own.changed())} == expected
    finally:
        own.repro("--single-item", "prepare")
    assert own.changed() == set()


def test_for_once_everything_really_runs(own: Clone) -> None:
    """A moved box, a module and a temperature together, without any prediction from the graph."""
    params, module = own.root / "params.yaml", own.root / "wsdkd/teacher/learning.py"
    with _restored(own.root / "raw"), _restored(params), _restored(module):
        _move_box(own)
        assert own.repro() == {"prepare", "evaluate"}
        module.write_text(module.read_text() + "\n# A comment.\n")
        assert own.repro() == {"code"}
        module.write_text(module.read_text() + "\nANOTHER = 1\n")
        # The same weights come out, so that nothing follows.
        assert own.repro() == {"code", "train_teacher"}
        params.write_text(customised(params.read_text(), ["distill_predictions.temperature=3.0"], params))
        assert own.repro() == PREDICTIONS
        assert own.repro() == set()


@contextmanager
def _annotations(clone: Clone) -> Iterator[dict[str, Any]]:
    path = clone.root / "raw" / LAYOUT["train_annotations"]
    data = json.loads(path.read_text())
    yield data
    path.write_text(json.dumps(data))


def _picture(clone: Clone) -> Path:
    """The file of the first training image."""
    first = json.loads((clone.root / "raw" / LAYOUT["train_annotations"]).read_text())["images"][0]
    return clone.root / "raw" / LAYOUT["train_images"] / first["file_name"]


@contextmanager
def _restored(path: Path) -> Iterator[None]:
    """Put a file or folder back as it was."""
    kept = Path(tempfile.mkdtemp()) / path.name
    shutil.copytree(path, kept) if path.is_dir() else shutil.copy2(path, kept)
    try:
        yield
    finally:
        shutil.rmtree(path) if path.is_dir() else path.unlink()
        shutil.move(kept, path)
        kept.parent.rmdir()
