"""Every variant is the profile with some parameters changed, and fits together."""

import shlex
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from benchmarks.ablation import rivals
from benchmarks.ablation.__main__ import shown
from benchmarks.ablation.plan import cells, chains, teacher_folder, teacher_of
from benchmarks.ablation.variants import (
    ALL,
    CROPS,
    EPOCHS,
    FEWER_LABELS,
    RIVALS,
    SEEDS,
    STUDENTS,
    TEACHER_FREE,
    VARIANTS,
    changed,
)
from wsdkd.profiles import parse_profile

PROFILES = Path(__file__).parents[2] / "profiles"


def _params(profile: str = "scenes") -> dict[str, Any]:
    return YAML(typ="safe", pure=True).load((PROFILES / f"{profile}.yaml").read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", [*VARIANTS, *RIVALS, *CROPS, *STUDENTS, *FEWER_LABELS])
@pytest.mark.parametrize("profile", ["scenes", "cards", "coco"])
def test_the_parameters_of_every_variant_are_accepted(name: str, profile: str) -> None:
    source = Path(f"profiles/{profile}.yaml")
    parse_profile(changed(_params(profile), ALL[name], 3), source)


def test_where_labels_are_withheld_a_teacher_of_its_own_teaches_and_longer_means_as_many_steps() -> None:
    params = _params()
    for name, variant in FEWER_LABELS.items():
        if variant.kind == "cached":
            assert teacher_of(name) == "few_teacher"
        result: Any = changed(params, variant, 0)
        for key in EPOCHS:
            section, _, _ = key.split(".")
            before, now = (each[section]["training"]["epochs"] for each in (params, result))
            # Of 1,200 images 360 have labels, and epochs are whole.
            images = 360 if variant.longer != 1 else 1200
            assert now * images == pytest.approx(1200 * before, abs=images / 2), name
    assert teacher_folder("teacher", 2) != teacher_folder("few_teacher", 2)
    assert cells(["few_alone"], [0]) == [("few_teacher", 0), ("few_alone", 0)]


def test_a_seed_is_that_of_every_training_and_of_no_dataset() -> None:
    params = _params()
    for variant in VARIANTS.values():
        result: Any = changed(params, variant, 3)
        for name in SEEDS:
            value = result
            for step in name.split("."):
                value = value[step]
            assert value == 3
        assert result["dataset"] == params["dataset"]


def test_students_share_network_schedule_and_epochs() -> None:
    params = _params()
    for name, variant in VARIANTS.items():
        result: Any = changed(params, variant, 0)
        stages = [result[section]["training"] for section in ("distill_features", "distill_predictions")]
        usual = [params[section]["training"] for section in ("distill_features", "distill_predictions")]
        if variant.first is not None:
            first, second = (stage["epochs"] for stage in stages)
            total = sum(stage["epochs"] for stage in usual)
            assert first + second == total, name
            assert first == pytest.approx(variant.first * total, abs=0.5), name
            usual = [usual[0] | {"epochs": first}, usual[1] | {"epochs": second}]
            usual[1]["learning_rate"] = usual[0]["learning_rate"]
        assert stages == usual, name
        if name != "plain_teacher":
            assert result["student"] == params["student"], name


def test_the_plain_teacher_has_the_teachers_network_and_size() -> None:
    params = _params()
    result: Any = changed(params, VARIANTS["plain_teacher"], 0)
    assert result["student"]["network"] == params["teacher"]["network"]
    assert (
        result["student"]["input_size"] == params["teacher"]["input_size"] != params["student"]["input_size"]
    )


def test_controls_of_crops_change_both_stages_of_a_profile_that_crops_and_nothing_else() -> None:
    params: Any = _params("auto")
    for name, crop, least in (("every_label", 0.4, None), ("uncropped", 1.0, 0.5)):
        result: Any = changed(params, CROPS[name], 0)
        for section in ("distill_features", "distill_predictions"):
            assert result[section]["training"]["augmentation"]["crop"] == crop
            assert result[section]["labels_in_view"] == least
            result[section]["training"]["augmentation"]["crop"] = 0.4
            result[section]["labels_in_view"] = 0.5
        assert result == params
    assert (
        "uncropped_baseline" in TEACHER_FREE
    )  # what whole pictures give belongs to students without a teacher


def test_a_larger_student_has_the_same_teacher_and_all_else_as_the_usual_one() -> None:
    params = _params()
    for name, variant in STUDENTS.items():
        result: Any = changed(params, variant, 0)
        assert teacher_of(name) == ("teacher" if variant.kind == "cached" else None)
        assert result["student"]["network"].pop("backbone") == f"tf_efficientnet_{name.split('_')[0]}"
        assert result["student"]["network"].items() <= params["student"]["network"].items()
        for section in ("teacher", "cache", "distill_features", "distill_predictions"):
            assert result[section] == params[section]


def test_a_peer_waits_for_those_whose_time_it_gets() -> None:
    asked = cells(["fastai"], [0, 1])
    assert asked == [(name, seed) for seed in (0, 1) for name in ("teacher", "both", "fastai")]
    # In one chain a seed, so that no job begins with it while another still trains the teacher.
    assert chains(asked) == [asked[:3], asked[3:]]


def test_changing_a_variant_leaves_the_profile_alone() -> None:
    params = _params()
    for variant in VARIANTS.values():
        changed(params, variant, 9)
    assert params == _params()


def test_who_is_taught_comes_after_its_teacher_even_where_that_was_not_asked_for() -> None:
    asked = ["from_plain", "both"]
    order = cells(asked, range(2))
    assert order == [
        (name, seed) for seed in (0, 1) for name in ("teacher", "both", "plain_teacher", "from_plain")
    ]
    whole = [name for name, _ in cells(list(VARIANTS), [0])]
    for place, name in enumerate(whole):
        if teacher_of(name) is not None:
            assert teacher_of(name) in whole[:place]


def test_rivals_are_taught_by_the_plain_classifier_or_by_themselves() -> None:
    assert {name: teacher_of(name) for name in RIVALS} == {
        "whole_map": "plain_teacher",
        "own_average": None,
        "l2d": "plain_teacher",
    }
    assert {name for name, each in RIVALS.items() if each.kind == "rival"} == set(rivals.RIVALS)


def test_cells_that_share_a_teacher_run_one_after_the_other_and_the_longest_chain_first() -> None:
    found = chains(cells(["baseline", "from_plain", "both", "rival"], range(2)))
    assert found == [
        [("teacher", 0), ("both", 0), ("rival", 0)],
        [("teacher", 1), ("both", 1), ("rival", 1)],
        [("plain_teacher", 0), ("from_plain", 0)],
        [("plain_teacher", 1), ("from_plain", 1)],
        [("baseline", 0)],
        [("baseline", 1)],
    ]


def test_the_command_of_a_result_can_be_typed_and_names_no_folder_of_ours():
    given = ["--title", "a harder draw", "--set", "dataset.root=/home/me/cards", "--set", "x.sizes=[1,2]"]
    told = shown(given)
    assert shlex.split(told) == [
        *("python", "-m", "benchmarks.ablation", "--title", "a harder draw"),
        *("--set", "dataset.root=PATH", "--set", "x.sizes=[1,2]"),
    ]
