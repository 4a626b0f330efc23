"""What is compared: every variant is the active profile with some parameters changed."""

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any, Literal

Kind = Literal[
    "teacher",
    "plain",
    "cached",
    "live",
    "plain teacher",
    "control",
    "random heads",
    "rival",
    "own average",
    "peer",
]
"""How a network comes to be.

``teacher``: the profile's own. ``plain``: as the baseline, with no teacher. ``cached``: both stages of
distillation, from the teacher's cache. ``live``: the same with the teacher running along, dropout on, as in
the authors' release. ``plain teacher``: from the image scores of the network of variant ``plain_teacher``.
``control``: from what :mod:`benchmarks.ablation.controls` puts in place of the cache. ``random heads``: from
a cache of the teacher with heads drawn anew. ``rival``: from that network of variant ``plain_teacher``, too,
by what :mod:`benchmarks.ablation.rivals` has. ``own average``: from the student's own running average.
``peer``: by other software (:mod:`benchmarks.peers`), for as long as variants ``teacher`` and ``both`` of the
seed trained together.
"""
Labels = Literal["all", "few", "few alone"]
"""``few``: most training images are of the split unlabelled. ``few alone``: these images are left out."""
WITHHELD = 0.7
"""Share of the training images whose labels these two lack."""


@dataclass(frozen=True)
class Variant:
    """One network of the comparison.

    Attributes:
        title: in tables.
        kind: how it is made.
        changes: values by dotted name, in place of the profile's.
        taken: further values that are the profile's own elsewhere: name here -> name there.
        labels: what is known of the training images.
        longer: so many times the profile's epochs, as whole numbers.
        first: share of the epochs of both stages that is stage 1's, as whole numbers; stage 2 then learns
            at the rate of stage 1. None: as the profile has it.
    """

    title: str
    kind: Kind
    changes: Mapping[str, object] = field(default_factory=dict)
    taken: Mapping[str, str] = field(default_factory=dict)
    labels: Labels = "all"
    longer: float = 1.0
    first: float | None = None


def _predictions(temperature: float, softening: float, weight: float) -> dict[str, object]:
    return {
        "temperature": temperature,
        "class_temperature": softening,
        "detection_temperature": softening,
        "teacher_weight": weight,
    }


def _in_both_stages(predictions: Mapping[str, object]) -> dict[str, object]:
    # L_p and L_p' in all epochs, no feature of a region anywhere.
    return {
        "distill_features.feature_weight": 0.0,
        "distill_features.region_weight": 0.0,
        "distill_features.label_weight": 1.0,
        "distill_features.predictions": dict(predictions),
        **{f"distill_predictions.{key}": value for key, value in predictions.items()},
    }


FIRST = 0.25
"""Of the published recipes: their stage 1 sees no label, and the classifier is new when stage 2 begins."""


def _as_published(recipe: str) -> dict[str, object]:
    # The feature loss by itself, with neither our region loss nor labels in stage 1.
    return {
        "distill_features.recipe": recipe,
        "distill_features.feature_weight": 1.0,
        "distill_features.region_weight": 0.0,
        "distill_features.label_weight": 0.0,
        "distill_features.predictions": None,
    }


# t, t^c = t^d and weight of the release; temperature 1 and weight of the rival (see docs/results.md).
RELEASE = _predictions(5.0, 0.5, 1.0)
RIVAL = _predictions(1.0, 1.0, 1.0)

NO_FEATURES = {"distill_features.feature_weight": 0.0}
LABELS_ALONE: dict[str, object] = {"baseline.regions": 0}
AS_MANY_REGIONS = {
    "baseline.regions": "cache.rois",
    "baseline.proposals": "teacher.proposals",
    "baseline.region_weight": "distill_features.region_weight",
}

VARIANTS: dict[str, Variant] = {
    "baseline": Variant("baseline: labels alone", "plain", LABELS_ALONE),
    "teacher": Variant("teacher", "teacher"),
    "both": Variant("**distilled, our recipe**", "cached"),
    "random_regions": Variant(
        "control: random regions with the image's labels, no teacher", "plain", taken=AS_MANY_REGIONS
    ),
    "augmented": Variant(
        "control: the baseline with random regions as augmentation",
        "plain",
        {"baseline.throughout": True},
        AS_MANY_REGIONS,
    ),
    "teacher_regions": Variant(
        "control: the teacher's regions with the image's labels", "control", NO_FEATURES
    ),
    "true_boxes": Variant("ceiling: annotated boxes with their classes, no teacher", "control", NO_FEATURES),
    "random_heads": Variant("control: a teacher with random heads", "random heads"),
    "other_features": Variant("control: features of another image", "control"),
    "stage_1": Variant("stage 1 alone", "cached", {"distill_predictions.teacher_weight": 0.0}),
    "stage_2": Variant("stage 2 alone", "cached", _in_both_stages(RELEASE)),
    "release": Variant(
        "recipe `release`, stage 1 in a quarter of the epochs",
        "cached",
        _as_published("release"),
        first=FIRST,
    ),
    "paper": Variant(
        "recipe `paper`, stage 1 in a quarter of the epochs", "cached", _as_published("paper"), first=FIRST
    ),
    "online": Variant("our recipe, teacher running along", "live"),
    "plain_teacher": Variant(
        "teacher's backbone and resolution, labels alone",
        "plain",
        LABELS_ALONE,
        taken={"student.network": "teacher.network", "student.input_size": "teacher.input_size"},
    ),
    "from_plain": Variant("distilled from that plain classifier", "plain teacher", _in_both_stages(RIVAL)),
    "rival": Variant("multi-label logits distillation (ICCV 2023)", "cached", _in_both_stages(RIVAL)),
}

RIVALS: dict[str, Variant] = {
    "whole_map": Variant("rival: features of the whole map (FitNets, ICLR 2015)", "rival"),
    "own_average": Variant("rival: the student's own average teaches (NeurIPS 2017)", "own average"),
    "l2d": Variant("rival: L2D, logits and label-wise embeddings (ICCV 2023)", "rival"),
}
"""Distillation as others have published it, on our student."""

WHOLE_PICTURES: dict[str, object] = {
    "distill_features.training.augmentation.crop": 1.0,
    "distill_predictions.training.augmentation.crop": 1.0,
}
EVERY_LABEL = {"distill_features.labels_in_view": None, "distill_predictions.labels_in_view": None}
CROPS: dict[str, Variant] = {
    "every_label": Variant("our recipe, all labels of the image in each crop", "cached", EVERY_LABEL),
    "uncropped": Variant("our recipe, whole pictures", "cached", WHOLE_PICTURES),
    "uncropped_baseline": Variant("labels alone, whole pictures", "plain", LABELS_ALONE | WHOLE_PICTURES),
}
"""What crops of the pictures give, and what the teacher's knowledge of where in them each label is.

They differ from the baseline and our recipe in profiles that crop.
"""


def _backbone(name: str) -> dict[str, object]:
    return {"student.network.backbone": name}


LITE1, LITE2 = _backbone("tf_efficientnet_lite1"), _backbone("tf_efficientnet_lite2")
STUDENTS: dict[str, Variant] = {
    "lite1_baseline": Variant("`tf_efficientnet_lite1`: labels alone", "plain", LABELS_ALONE | LITE1),
    "lite1": Variant("`tf_efficientnet_lite1`: distilled, our recipe", "cached", LITE1),
    "lite2_baseline": Variant("`tf_efficientnet_lite2`: labels alone", "plain", LABELS_ALONE | LITE2),
    "lite2": Variant("`tf_efficientnet_lite2`: distilled, our recipe", "cached", LITE2),
}
"""Students with larger backbones, of the same teacher; weights of these come by pip as the usual one's do."""

PEERS: dict[str, Variant] = {
    "fastai": Variant("fastai's learner, for as long as teacher and student", "peer")
}
"""What somebody would pick instead."""

AS_MANY_STEPS = 1 / (1 - WITHHELD)
FEWER_LABELS: dict[str, Variant] = {
    "few_baseline": Variant("30 % of the labels: labels alone", "plain", LABELS_ALONE, labels="few alone"),
    "few_regions": Variant(
        "30 % of the labels: random regions, no teacher", "plain", taken=AS_MANY_REGIONS, labels="few alone"
    ),
    "few_regions_longer": Variant(
        "30 % of the labels: random regions, as many steps as with all images",
        "plain",
        taken=AS_MANY_REGIONS,
        labels="few alone",
        longer=AS_MANY_STEPS,
    ),
    "few_teacher": Variant("30 % of the labels: teacher", "teacher", labels="few"),
    "few_alone": Variant("30 % of the labels: distilled", "cached", labels="few alone"),
    "few_longer": Variant(
        "30 % of the labels: distilled, as many steps as with all images",
        "cached",
        labels="few alone",
        longer=AS_MANY_STEPS,
    ),
    "few_unlabelled": Variant(
        "**30 % of the labels: distilled, the other images without**", "cached", labels="few"
    ),
}
"""Whether photographs without labels teach: held against the same labels alone, and against all labels."""

CANDIDATES: dict[str, Variant] = {
    "features_half": Variant("features x 1/2", "cached", {"distill_features.feature_weight": 2.5}),
    "features_twice": Variant("features x 2", "cached", {"distill_features.feature_weight": 10.0}),
    "regions_half": Variant("regions x 1/2", "cached", {"distill_features.region_weight": 2.0}),
    "regions_twice": Variant("regions x 2", "cached", {"distill_features.region_weight": 8.0}),
    "features_alone": Variant("no region loss", "cached", {"distill_features.region_weight": 0.0}),
    "regions_alone": Variant("no feature loss", "cached", {"distill_features.feature_weight": 0.0}),
    "rois_8": Variant("8 RoIs", "cached", {"distill_features.rois": 8}),
    "rois_6": Variant("6 RoIs", "cached", {"distill_features.rois": 6}),
    "joint": Variant("predictions in stage 1 too", "cached", {"distill_features.predictions": dict(RELEASE)}),
    "cooler": Variant("t = 2", "cached", {"distill_predictions.temperature": 2.0}),
    "predictions_thrice": Variant("predictions x 3", "cached", {"distill_predictions.teacher_weight": 3.0}),
    "rival_thrice": Variant("rival, weight 3", "cached", _in_both_stages(_predictions(1.0, 1.0, 3.0))),
}
"""Changes to our recipe, and to the rival's one weight, that the search on a validation split tries.

Those of n RoIs want a profile, or ``--set cache.rois``, with as many in the cache.
"""

ALL = VARIANTS | RIVALS | CROPS | STUDENTS | PEERS | FEWER_LABELS | CANDIDATES

BASELINE, TEACHER, OURS, PLAIN_TEACHER = "baseline", "teacher", "both", "plain_teacher"
TEACHER_FREE = (BASELINE, "random_regions", "augmented", "uncropped_baseline")
"""Students of the same size and epochs that know no teacher."""

FEW_TEACHER, FEW_ALONE, FEW_UNLABELLED = "few_teacher", "few_alone", "few_unlabelled"

EPOCHS = (
    "teacher.training.epochs",
    "distill_features.training.epochs",
    "distill_predictions.training.epochs",
)
SEEDS = (
    "teacher.training.seed",
    "student.seed",
    "distill_features.training.seed",
    "distill_predictions.training.seed",
)
"""Parameters that a seed of the comparison stands for; the dataset and its split stay the same."""


def changed(params: Mapping[str, Any], variant: Variant, seed: int) -> dict[str, Any]:
    """Parameters of one cell: sections as in a profile, of a variant with a seed."""
    result: dict[str, Any] = deepcopy(dict(params))
    values = {
        **{name: round(variant.longer * _get(params, name)) for name in EPOCHS},
        **{here: deepcopy(_get(params, there)) for here, there in variant.taken.items()},
        **_divided(params, variant.first),
        **deepcopy(dict(variant.changes)),
        **dict.fromkeys(SEEDS, seed),
    }
    for name, value in values.items():
        *steps, last = name.split(".")
        section = result
        for step in steps:
            section = section[step]
        section[last] = value
    return result


def _divided(params: Mapping[str, Any], first: float | None) -> dict[str, Any]:
    if first is None:
        return {}
    stages = [f"{section}.training" for section in ("distill_features", "distill_predictions")]
    total = sum(_get(params, f"{stage}.epochs") for stage in stages)
    epochs = max(1, round(first * total))
    return {
        f"{stages[0]}.epochs": epochs,
        f"{stages[1]}.epochs": total - epochs,
        f"{stages[1]}.learning_rate": _get(params, f"{stages[0]}.learning_rate"),
    }


def _get(params: Mapping[str, Any], name: str) -> Any:
    value: Any = params
    for step in name.split("."):
        value = value[step]
    return value
