"""What a parameter file may not hold, and the words in which it is refused."""

from pathlib import Path
from typing import Any

import pytest

from wsdkd.datasets.params import DatasetParams
from wsdkd.profiles import parse_profile
from wsdkd.settings.sections import ParamsError, dataset_root, load_section, parse_section, read_params
from wsdkd.teacher.params import TeacherParams

ROOT = Path(__file__).parents[2]

REFUSED = [
    # unknown keys: the name, the nearest one, what is allowed
    ("teacher.hiden", 64, "teacher.hiden: unknown key; did you mean hidden? allowed: network, input_size"),
    ("teacher.roi.bin", 3, "teacher.roi.bin: unknown key; did you mean bins? allowed: pooling, bins"),
    ("teacher.training.lr", 0.1, "teacher.training.lr: unknown key; allowed: epochs, batch_size"),
    ("dataset.difficult", "ignored", "dataset.difficult: unknown key; allowed:"),
    ("proposals.mode", "fast", "proposals.mode: unknown key;"),
    ("student.network.backbones", "vgg16", "student.network.backbones: unknown key; did you mean backbone?"),
    # wrong types
    ("teacher.training.epochs", 5.5, "teacher.training.epochs: should be a valid integer, got 5.5"),
    ("teacher.training.epochs", "5", "teacher.training.epochs: should be a valid integer, got '5'"),
    ("teacher.training.epochs", True, "teacher.training.epochs: should be a valid integer, got True"),
    ("teacher.training.epochs", None, "teacher.training.epochs: should be a valid integer, got nothing"),
    ("student.input_size", [96], "student.input_size: should be a valid integer, got [96]"),
    ("teacher.train_sizes", 192, "teacher.train_sizes: should be a valid array, got 192"),
    ("teacher.train_sizes", [192, "x"], "teacher.train_sizes.1: should be a valid integer, got 'x'"),
    ("teacher.roi.objectness", "yes", "teacher.roi.objectness: should be a valid boolean, got 'yes'"),
    ("teacher.network", "vgg16", "teacher.network: expected keys below it, got 'vgg16'"),
    ("evaluation", None, "evaluation: expected keys below it, got nothing"),
    ("cache.rois", "some", "cache.rois: should be 'all' or a valid integer, got 'some'"),
    # impossible values
    ("dataset.format", "imagenet", "dataset.format: got 'imagenet'; allowed: 'auto', 'scenes', 'coco'"),
    ("proposals.method", "rpn", "proposals.method: got 'rpn'; allowed: 'edge_boxes', 'selective_search'"),
    (
        "dataset.listed",
        {"photographs": "p"},
        "dataset: root: data/listing and listed: {photographs: PATH} go",
    ),
    ("dataset.draw", ["cats"], "dataset.draw.0: should be 'scenes', got 'cats'"),
    ("teacher.network.stride", 12, "teacher.network.stride: should be 8, 16 or 32, got 12"),
    (
        "teacher.training.optimizer",
        "adam",
        "teacher.training.optimizer: should be 'adamw' or 'sgd', got 'adam'",
    ),
    ("teacher.dropout", 1.0, "teacher.dropout: should be less than 1, got 1.0"),
    ("teacher.train_sizes", [], "teacher"),
    ("teacher.input_size", 8192, "teacher.input_size: should be less than or equal to 4096, got 8192"),
    ("teacher.hidden", 10**6, "teacher.hidden: should be less than or equal to 16384, got 1000000"),
    ("student.hidden", 10**6, "student.hidden: should be less than or equal to 16384, got 1000000"),
    ("cache.rois", 0, "cache.rois: should be 'all' or greater than or equal to 1, got 0"),
    ("cache.nms_iou", 1.5, "cache.nms_iou: should be less than or equal to 1, got 1.5"),
    ("student.training", {}, "student.training: unknown key"),
    ("distill_features.recipe", "mine", "distill_features.recipe: should be 'release', "),
    (
        "distill_predictions.temperature",
        0,
        "distill_predictions.temperature: should be greater than 0, got 0",
    ),
    ("distill_predictions.temperature", float("inf"), "distill_predictions.temperature: should be a finite"),
    ("distill_predictions.label_weight", -1, "distill_predictions.label_weight: should be greater than or"),
    ("evaluation.threshold", float("nan"), "evaluation.threshold: should be a finite number, got nan"),
    ("evaluation.top_k", 0, "evaluation.top_k: should be greater than or equal to 1, got 0"),
    (
        "promotion.metric",
        "AP50",
        "promotion.metric: should be 'mAP', 'CF1', 'OF1', 'chosen_CF1' or 'chosen_OF1', got 'AP50'",
    ),
    ("promotion.margin", -1, "promotion.margin: should be greater than or equal to 0, got -1"),
    ("promotion.confidence", 95, "promotion.confidence: should be less than or equal to 0.999, got 95"),
    ("promotion.classes", "person", "promotion.classes: should be a valid array, got 'person'"),
    ("promotion.max_loss", 1.0, "promotion.max_loss: unknown key; did you mean max_class_loss? allowed:"),
    # what holds between sections
    ("dataset.root", "elsewhere", "dataset.root: scenes are drawn into data/scenes, got 'elsewhere'"),
    ("teacher.proposals", 9999, "teacher.proposals: should be at most proposals.max_boxes ("),
    ("distill_features.rois", 9999, "distill_features.rois: should be at most cache.rois ("),
    (
        "student.network.weights",
        "/tmp/lite0.pth",
        "student.network.weights: a file it names should lie below inputs/weights/student/",
    ),
    (
        "proposals.structured_edge_model",
        "model.yml",
        "proposals.structured_edge_model: a file it names should lie below inputs/proposals/",
    ),
]


@pytest.mark.parametrize(("key", "value", "message"), REFUSED)
def test_refused_by_full_name(key: str, value: Any, message: str) -> None:
    data = _smoke()
    _put(data, key, value)
    with pytest.raises(ParamsError) as caught:
        parse_profile(data, Path("params.yaml"))
    assert f"params.yaml: {message}" in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "key",
    ["teacher.input_size", "teacher.training.epochs", "dataset.format", "dataset.draw", "dataset.listed"],
)
def test_a_missing_key_is_named(key: str) -> None:
    data = _smoke()
    *steps, last = key.split(".")
    here = data
    for step in steps:
        here = here[step]
    del here[last]
    with pytest.raises(ParamsError, match=f"^params.yaml: {key}: this key is missing"):
        parse_profile(data, Path("params.yaml"))


def test_a_dataset_without_a_format_is_looked_at() -> None:
    section = {"root": "photographs", "draw": [], "leaks": "drop"}
    params = parse_section({"dataset": section}, "dataset", DatasetParams)
    assert (params.format, params.leaks) == ("auto", "drop")
    with pytest.raises(
        ParamsError, match=r"dataset.format: this key is missing; allowed: auto, coco, folders"
    ):
        parse_section({"dataset": {**section, "file": "labels.csv"}}, "dataset", DatasetParams)


def test_all_refusals_come_at_once() -> None:
    data = _smoke()
    _put(data, "teacher.input_size", 1)
    _put(data, "student.input_size", 1)
    with pytest.raises(ParamsError) as caught:
        parse_profile(data, Path("params.yaml"))
    assert [line.split(":")[1].strip() for line in str(caught.value).splitlines()] == [
        "teacher.input_size",
        "student.input_size",
    ]


def test_a_missing_section_is_named() -> None:
    data = _smoke()
    del data["cache"]
    with pytest.raises(ParamsError, match="cache: this section is missing"):
        parse_profile(data, Path("params.yaml"))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("techer: {}\n", "techer: unknown section; allowed: dataset, proposals, teacher, cache"),
        ("- dataset\n", r"expected sections \(dataset, .*\), found list"),
        ("", r"expected sections \(dataset, .*\), found NoneType"),
        ("teacher: {\n", "not valid YAML"),
        ("teacher: {input_size: 1, input_size: 2}\n", "not valid YAML: .*duplicate key"),
    ],
)
def test_a_file_that_is_not_sections(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "params.yaml"
    path.write_text(text)
    with pytest.raises(ParamsError, match=f"(?s){path}: {message}"):
        read_params(path)


def test_a_missing_file_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(ParamsError, match="no such file; choose a profile: wsdkd profile use NAME"):
        read_params(tmp_path / "params.yaml")


def test_numbers_are_read_as_dvc_reads_them(tmp_path: Path) -> None:
    # YAML 1.1 takes 1e-3 for a word; DVC and this project read YAML 1.2.
    path = tmp_path / "params.yaml"
    path.write_text((ROOT / "profiles/scenes-smoke.yaml").read_text().replace("1e-3", "2e-3"))
    assert load_section("teacher", TeacherParams, path).training.learning_rate == 2e-3


def test_sections_are_frozen() -> None:
    teacher = load_section("teacher", TeacherParams, ROOT / "profiles/scenes-smoke.yaml")
    with pytest.raises(ValueError, match="frozen"):
        teacher.input_size = 5  # type: ignore[misc]


def test_a_stage_reads_its_own_section_alone(tmp_path: Path) -> None:
    path = tmp_path / "params.yaml"
    path.write_text("dataset: {format: voc, root: somewhere}\nteacher: {broken: true}\n")
    assert load_section("dataset", DatasetParams, path).root == "somewhere"
    assert dataset_root(path) == Path("somewhere")


def test_the_root_is_refused_where_it_is_missing(tmp_path: Path) -> None:
    path = tmp_path / "params.yaml"
    path.write_text("dataset: {format: voc}\n")
    with pytest.raises(ParamsError, match=r"dataset\.root: expected the folder of the dataset, got None"):
        dataset_root(path)


def _smoke() -> dict[str, Any]:
    return read_params(ROOT / "profiles/scenes-smoke.yaml")


def _put(data: dict[str, Any], key: str, value: Any) -> None:
    *steps, last = key.split(".")
    here = data
    for step in steps:
        here = here[step]
    here[last] = value


def test_many_keys_that_are_missing_are_named_in_a_line(tmp_path: Path) -> None:
    # As of a file that was cut off.
    (tmp_path / "params.yaml").write_text("teacher:\n  network: {backbone: vgg16}\n")
    with pytest.raises(ParamsError) as error:
        load_section("teacher", TeacherParams, tmp_path / "params.yaml")
    names = "input_size, train_sizes, training"
    assert str(error.value) == f"{tmp_path}/params.yaml: teacher: these keys are missing: {names}"
