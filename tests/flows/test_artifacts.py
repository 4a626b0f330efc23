"""What a run's page shows says of what its figures are."""

import json
from pathlib import Path
from typing import Any

import pytest

from flows import artifacts


def test_figures_have_units(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    made: list[dict[str, Any]] = []
    monkeypatch.setattr(artifacts, "create_table_artifact", lambda **kept: made.append(kept))
    monkeypatch.setattr(
        artifacts, "create_markdown_artifact", lambda text, **kept: made.append({"text": text, **kept})
    )
    (tmp_path / artifacts.METRICS).parent.mkdir(parents=True)
    row = {"mAP": 50.0, "ECE": None}
    for gap, said in ((0.73, ", 0.73 of the teacher's lead recovered"), (None, "")):
        metrics = {**dict.fromkeys(artifacts.NETWORKS, row), "gain_mAP": 8.7, "gap_recovered": gap}
        (tmp_path / artifacts.METRICS).write_text(json.dumps(metrics))
        artifacts.show_metrics(tmp_path)
        assert made[-1]["description"] == f"gain of distillation: +8.70 points of mAP{said}"
    assert made[-1]["table"] == [
        {"metric (test split, percent)": "mAP", **dict.fromkeys(artifacts.NETWORKS, "50.00")}
    ]
    artifacts.show_promotion({"decision": "promoted", "metric": "mAP", "interval": [0.1, 2.0]})
    assert "Interval of the difference in mAP: +0.10 to +2.00 points." in made[-1]["text"]
