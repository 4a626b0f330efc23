from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from ruamel.yaml import YAML
from typer.testing import CliRunner

from tests.cache import synthetic_teacher as synthetic
from wsdkd.cli.main import app
from wsdkd.data.tables import ImageRow, write_classes, write_images
from wsdkd.ground.errors import UserError
from wsdkd.proposals.stored import write_proposals

PARAMS = """
teacher:
  network: {backbone: vgg16}
  input_size: 672
  train_sizes: [672]
  training: {epochs: 1}
cache:
  rois: 30
distill_features: {training: {epochs: 8}}
distill_predictions: {training: {epochs: 12}}
"""


def run(*arguments: str | Path) -> tuple[int, str]:
    result = CliRunner().invoke(app, ["cache", *map(str, arguments)])
    if isinstance(result.exception, UserError):
        raise result.exception
    return result.exit_code, result.output


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    synthetic.write(tmp_path / "cache", tmp_path / "scratch", synthetic.make_rows(20))
    return tmp_path / "cache"


@pytest.fixture
def params(tmp_path: Path) -> Path:
    path = tmp_path / "params.yaml"
    path.write_text(PARAMS)
    return path


def test_info_says_what_is_in_a_cache(cache: Path) -> None:
    (cache / "shard-00002.h5").unlink()
    code, text = run("info", cache)
    assert code == 0
    for told in ("20, plain and mirrored", "bird, cat", "in 3 shards, 2 of them here", "w" * 64, "missing"):
        assert told in text


def test_verify_passes_and_fails_by_status_and_place(cache: Path) -> None:
    assert run("verify", cache)[0] == 0
    (cache / "shard-00001.h5").unlink()
    code, text = run("verify", cache)
    assert code == 1
    assert "shard-00001.h5: this shard is missing" in text


def test_a_folder_without_a_cache_is_a_user_error(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no finished cache"):
        run("info", tmp_path)


def test_keep_counts_the_shards(cache: Path, tmp_path: Path) -> None:
    code, text = run("keep", cache, "--scratch", tmp_path / "elsewhere")
    assert code == 0
    assert "3 of 3 shards kept in " in text


def test_estimate_without_data(params: Path) -> None:
    code, text = run("estimate", "--params", params, "--images", "82783", "--classes", "80")
    assert code == 0
    # By hand: 82,783 x 2 x 30 x 4,096 x 2 bytes of features, x 2 x 2 x 500 x 80 x 2 of logits.
    assert "40.7" in text
    assert "26.50 GB" in text
    everything = run("estimate", "--params", params, "--images", "82783", "--classes", "80", "--best", "all")
    assert "678." in everything[1]


@pytest.mark.parametrize(
    ("epochs", "said"),
    [(1, "For one student it is cheaper to keep the teacher."), (2, "It is cheaper to keep its outputs")],
)
def test_estimate_says_whether_the_teacher_is_kept_more_cheaply(params: Path, epochs: int, said: str) -> None:
    text = params.read_text(encoding="utf-8")
    data = YAML(typ="safe", pure=True).load(text)
    for stage in ("distill_features", "distill_predictions"):
        data[stage]["training"]["epochs"] = epochs
    with params.open("w", encoding="utf-8") as file:
        YAML().dump(data, file)
    code, text = run("estimate", "--params", params, "--images", "1000", "--classes", "5")
    assert code == 0
    assert f"sees each image {2 * epochs} times for each student" in text
    assert said in text


def _estimate(
    params: Path, folder: Path, rows: list[ImageRow], boxes: np.ndarray, scores: np.ndarray
) -> tuple[int, str]:
    """What the command says after the stages before it, of images that all have the same proposals."""
    write_images(folder / "prepared" / "images.parquet", rows)
    write_classes(folder / "prepared" / "classes.json", synthetic.CLASSES)
    write_proposals(folder / "proposals", ((row.image_id, boxes, scores) for row in rows))
    where = ["--params", params, "--prepared", folder / "prepared", "--proposals", folder / "proposals"]
    return run("estimate", *where)


def test_estimate_from_what_the_stages_wrote(params: Path, tmp_path: Path) -> None:
    rows = synthetic.make_rows(12)
    # Images without labels are cached as well.
    rows[0] = replace(rows[0], split="unlabelled", labels=(), ignored=tuple(range(len(synthetic.CLASSES))))
    boxes = np.array([[0, 0, 9, 9], [20, 20, 40, 40], [50, 50, 60, 60]], np.float32)
    code, text = _estimate(params, tmp_path, rows, boxes, np.array([3, 2, 1], np.float32))
    assert code == 0
    assert "12 images x 2 views, 3.0 regions an image" in text
    assert "3.0 of them with features 4096 wide" in text


def test_estimate_where_no_image_has_a_proposal(params: Path, tmp_path: Path) -> None:
    rows = synthetic.make_rows(3)
    none = np.zeros((0, 4), np.float32), np.zeros(0, np.float32)
    code, text = _estimate(params, tmp_path, rows, *none)
    assert code == 0
    assert "3 images x 2 views, 0.0 regions an image" in text
    assert "0.0 of them with features" in text


def test_estimate_without_training_images_or_with_proposals_of_others(params: Path, tmp_path: Path) -> None:
    rows = synthetic.make_rows(3)
    write_classes(tmp_path / "prepared" / "classes.json", synthetic.CLASSES)
    none = np.zeros((0, 4), np.float32), np.zeros(0, np.float32)
    write_proposals(tmp_path / "proposals", ((row.image_id, *none) for row in rows[:2]))
    where = ["--params", params, "--prepared", tmp_path / "prepared", "--proposals", tmp_path / "proposals"]
    write_images(tmp_path / "prepared" / "images.parquet", [replace(row, split="test") for row in rows])
    with pytest.raises(UserError, match=r"images\.parquet: no image of the split train"):
        run("estimate", *where)
    write_images(tmp_path / "prepared" / "images.parquet", rows)
    with pytest.raises(UserError, match=r"proposals: no boxes of image '.*'.*; run: dvc repro propose"):
        run("estimate", *where)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--classes", "5"], "need --images"),
        (["--images", "5"], "needs --classes"),
        (["--images", "5", "--classes", "5", "--best", "some"], "expected all or a number"),
    ],
)
def test_estimate_refuses_half_a_question(params: Path, options: list[str], message: str) -> None:
    with pytest.raises(UserError, match=message):
        run("estimate", "--params", params, *options)
