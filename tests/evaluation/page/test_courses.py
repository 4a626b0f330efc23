"""Whether a training overfitted, said from its curves."""

import numpy as np

from wsdkd.evaluation.page.charts import training_charts
from wsdkd.evaluation.page.courses import courses


def _curve(*values):
    return np.arange(len(values), dtype=float), np.array(values, dtype=float)


def test_loss_that_rises_on_validation_alone_is_overfitting():
    (found,) = courses(
        {"baseline": {"train/labels": _curve(8, 5, 3, 1), "val/labels": _curve(7, 6, 6.5, 7.2)}}
    )
    assert found.overfits
    assert found.verdict() == (
        "baseline: overfits after epoch 2. Validation loss rises from 6.00 to 7.20 at the end, while "
        "training loss falls from 5.00 to 1.00."
    )


def test_loss_that_rises_on_both_is_none():
    (found,) = courses({"baseline": {"train/labels": _curve(8, 5, 6), "val/labels": _curve(7, 6, 8)}})
    assert not found.overfits
    assert found.verdict() == (
        "baseline: does not overfit. Validation loss is least after epoch 2, 6.00, and 8.00 at the end."
    )


def test_loss_that_falls_to_the_end_or_stands_still():
    (falls,) = courses({"teacher": {"train/wsddn": _curve(8, 5), "val/wsddn": _curve(7, 6)}})
    assert falls.verdict() == "teacher: does not overfit. Validation loss is least at the end, 6.00."
    (still,) = courses({"teacher": {"train/wsddn": _curve(8, 5, 4), "val/wsddn": _curve(7, 6, 6.05)}})
    assert not still.overfits


def test_both_stages_of_distillation_are_one_course():
    found = courses(
        {
            "student": {
                "train/labels": _curve(3, 2),
                "train/predictions": _curve(9, 9),
                "val/labels": _curve(5, 4),
            },
            "features": {
                "train/features": _curve(1, 1, 1),
                "train/labels": _curve(8, 5, 4),
                "val/labels": _curve(9, 7, 6),
            },
            "teacher": {},
        }
    )
    assert [each.name for each in found] == ["student"]
    assert found[0].loss == "labels"
    assert found[0].train.tolist() == [8, 5, 4, 3, 2]
    assert found[0].val.tolist() == [9, 7, 6, 5, 4]
    assert found[0].stages == (3,)
    assert found[0].best == 3
    assert found[0].verdict() == (
        "student: does not overfit. Validation loss is least at the end of the first stage, 6.00."
    )


def test_the_second_stage_s_temperature_is_told_from_overfitting():
    curves = {
        "features": {
            "train/labels": _curve(8, 5, 4),
            "val/labels": _curve(9, 6, 6.01),
            "val/mAP": _curve(3, 4, 5),
        },
        "student": {"train/labels": _curve(3, 2), "val/labels": _curve(8, 10), "val/mAP": _curve(7, 6)},
    }
    (found,) = courses(curves)
    assert not found.overfits
    first, second, best = found.verdict().split(". ", 1)[1].rstrip(".").split(". ")
    assert first == "Validation loss is least after epoch 2, 6.00, and 6.01 at the end of the first stage"
    assert second.startswith(
        "In the second stage it rises to 10.00: logits are trained divided by a temperature"
    )
    assert best == "Validation mAP is best after epoch 4, 7.0"
    charts = training_charts([found])
    assert len(charts) == 2
    assert "Validation mAP" in charts[1]


def test_without_validation_images_nothing_is_said_of_overfitting():
    (found,) = courses({"baseline": {"train/labels": _curve(8, 5)}})
    assert found.verdict() == "baseline: no validation image was watched."
    assert not found.overfits
