"""The profiles are complete, valid and commented; params.yaml is one of them."""

from pathlib import Path
from types import UnionType
from typing import Any, Union, get_args, get_origin

import pytest
from pydantic import BaseModel

from wsdkd.profiles import KINDS, customised, load_profile
from wsdkd.settings.sections import SECTIONS, ParamsError, parse_params, read_params

PROFILES = Path(__file__).parents[2] / "profiles"
NAMES = ["scenes", "scenes-smoke", "auto", "cards", "table", "voc2007", "coco", "nuswide"]


@pytest.mark.parametrize("name", NAMES)
def test_profile_is_valid(name: str) -> None:
    load_profile(PROFILES / f"{name}.yaml")


@pytest.mark.parametrize("name", NAMES)
def test_profile_names_every_parameter(name: str) -> None:
    profile = load_profile(PROFILES / f"{name}.yaml")
    data = read_params(PROFILES / f"{name}.yaml")
    found = (_unset(getattr(profile, section), data[section], section) for section in SECTIONS)
    missing = [key for keys in found for key in keys]
    assert not missing, f"profiles/{name}.yaml leaves these to their defaults: {', '.join(missing)}"


@pytest.mark.parametrize("name", NAMES)
def test_profile_begins_with_what_it_is_for(name: str) -> None:
    first = (PROFILES / f"{name}.yaml").read_text().splitlines()[0]
    assert first.startswith(f"# {name}: ")
    assert len(first) > 40


@pytest.mark.parametrize("name", ["coco", "nuswide"])
def test_the_papers_settings(name: str) -> None:
    profile = load_profile(PROFILES / f"{name}.yaml")
    assert profile.teacher.network.backbone == profile.student.network.backbone == "vgg16"
    assert profile.teacher.proposals == profile.proposals.max_boxes == 500
    assert (profile.teacher.input_size, profile.student.input_size) == (672, 224)
    assert profile.teacher.train_sizes == (480, 576, 672, 736, 832)
    assert profile.teacher.training.batch_size == 32
    assert profile.teacher.training.head_multiplier == 10
    assert profile.distill_features.recipe == "release"
    predictions = profile.distill_predictions
    assert (predictions.temperature, predictions.class_temperature) == (5, 0.5)
    assert (predictions.detection_temperature, predictions.label_weight) == (0.5, 1)


@pytest.mark.parametrize("name", ["cards", "table"])
def test_photographs_are_learned_from_alike_whatever_form_they_come_in(name: str) -> None:
    profiles = (read_params(PROFILES / f"{each}.yaml") for each in (name, "auto"))
    one, other = ({key: value for key, value in each.items() if key != "dataset"} for each in profiles)
    assert one == other


def test_every_section_has_a_kind() -> None:
    assert tuple(KINDS) == SECTIONS


def _unset(section: BaseModel, data: dict[str, Any], name: str) -> list[str]:
    missing = []
    for key, field in type(section).model_fields.items():
        if key not in data:
            missing.append(f"{name}.{key}")
        elif data[key] is not None and _is_section(field.annotation):
            missing += _unset(getattr(section, key), data[key], f"{name}.{key}")
    return missing


def _is_section(annotation: Any) -> bool:
    if get_origin(annotation) in (Union, UnionType):
        return any(_is_section(each) for each in get_args(annotation))
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)


@pytest.mark.parametrize(
    "typed", ["labels #2.csv", "|", " ", "a: b", "[2020].csv", "'quoted", "5 # five", "- a", "*"]
)
def test_a_changed_value_is_in_the_file_as_it_was_typed(typed: str) -> None:
    source = PROFILES / "table.yaml"
    text = customised(source.read_text(encoding="utf-8"), [f"dataset.file={typed}"], source)
    assert parse_params(text, source)["dataset"]["file"] == typed
    others = [line for line in text.splitlines() if not line.startswith("  file:")]
    assert others == [line for line in source.read_text().splitlines() if not line.startswith("  file:")]


def test_a_profile_that_would_become_too_much_is_refused_before_it_is_changed() -> None:
    laughs = (
        "dataset: {a0: &a0 1, " + ", ".join(f"a{n + 1}: &a{n + 1} [{f'*a{n}, ' * 9}]" for n in range(9)) + "}"
    )
    with pytest.raises(ParamsError, match="more than 100,000 values"):
        customised(laughs, ["dataset.root=x"], Path("laughs.yaml"))
