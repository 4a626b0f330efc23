"""Reports on disk."""

import json

import numpy as np
import pytest

from wsdkd.evaluation.files import read_curves, write_columns, write_report


def test_floats_have_four_decimals(tmp_path):
    report = {"a": [1.23456, 3], "b": None, "c": {"d": 2.00001}, "e": "x", "f": float(np.float64(1) / 3)}
    write_report(tmp_path / "report.json", report)
    read = json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))
    assert read == {"a": [1.2346, 3], "b": None, "c": {"d": 2.0}, "e": "x", "f": 0.3333}


def test_what_is_not_known_cannot_pass_as_a_number(tmp_path):
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_report(tmp_path / "report.json", {"mAP": float("nan")})
    assert not list(tmp_path.iterdir())


def test_columns(tmp_path):
    write_columns(tmp_path / "curve.csv", {"recall": np.array([0, 1 / 3]), "teacher": np.array([1.0, 0.5])})
    assert (tmp_path / "curve.csv").read_text() == "recall,teacher\n0.0,1.0\n0.3333,0.5\n"


def test_curves_are_named_by_their_place(tmp_path):
    folder = tmp_path / "plots" / "metrics" / "val"
    folder.mkdir(parents=True)
    (folder / "mAP.tsv").write_text("step\tmAP\n0\t10.5\n1\t20\n")
    (folder.parent / "loss.tsv").write_text("timestamp\tstep\tloss\n9\t0\t0.5\n")
    (folder.parent / "empty.tsv").write_text("step\tempty\n")
    curves = read_curves(tmp_path)
    assert list(curves) == ["loss", "val/mAP"]
    assert [array.tolist() for array in curves["val/mAP"]] == [[0, 1], [10.5, 20]]
    assert [array.tolist() for array in curves["loss"]] == [[0], [0.5]]


def test_what_is_no_curve_is_refused(tmp_path):
    (tmp_path / "loss.tsv").write_text("epoch\tloss\n0\t0.5\n")
    with pytest.raises(ValueError, match="not a training curve"):
        read_curves(tmp_path)
