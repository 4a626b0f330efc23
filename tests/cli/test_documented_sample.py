"""The lines of Python in docs/promotion.md, as they stand there, give what ``wsdkd predict`` gives."""

import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from tests.serving.small_project import keep_counts, make_project
from tests.training.small_world import SIZE
from wsdkd.cli.main import app

ROOT = Path(__file__).parents[2]
TURNED = 6  # to be turned by 90 degrees clockwise

pytestmark = pytest.mark.filterwarnings("default")  # torch's exporter meets its own deprecations


def test_on_a_photograph_of_a_turned_camera(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_project(tmp_path, 6)
    keep_counts(tmp_path / "models/good")
    monkeypatch.chdir(tmp_path)
    # Larger by far than the network's input, and red at one end: turned or not is seen in the scores.
    pixels = np.random.default_rng(0).integers(0, 90, (6 * SIZE, 10 * SIZE, 3), dtype=np.uint8)
    pixels[:, : 3 * SIZE, 0] += 150
    exif = Image.Exif()
    exif[0x0112] = TURNED
    Image.fromarray(pixels).save("portrait.jpg", exif=exif)
    Image.fromarray(pixels).save("as stored.jpg")

    run = CliRunner().invoke
    assert run(app, ["export", "models/good", "--to", "student.onnx"]).exit_code == 0
    answer = run(app, ["predict", "portrait.jpg", "as stored.jpg", "--model", "models/good", "--json"])
    expected, stored = (list(each["scores"].values()) for each in json.loads(answer.stdout))
    assert np.abs(np.subtract(expected, stored)).max() > 0.01

    (sample,) = re.findall(
        r"^```python\n(.*?)^```$", (ROOT / "docs/promotion.md").read_text(), re.DOTALL | re.MULTILINE
    )
    Path("sample.py").write_text(
        f"{sample}print(json.dumps([dict(zip(classes, map(float, scores))), labels]))\n"
    )
    done = subprocess.run([sys.executable, "sample.py"], check=True, capture_output=True, text=True)
    found, labels = json.loads(done.stdout)
    assert sorted(labels) == sorted(json.loads(answer.stdout)[0]["labels"])
    assert list(found) == list(json.loads(answer.stdout)[0]["scores"])
    np.testing.assert_allclose(list(found.values()), expected, atol=2e-5)
