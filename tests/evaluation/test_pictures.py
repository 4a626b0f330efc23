"""Charts: equal bytes from equal numbers, in another process too, and what they hold."""

import subprocess
import sys

import numpy as np
from PIL import Image

from wsdkd.evaluation.charts import draw_gains, save_png

DRAW = """
import sys
from pathlib import Path
import numpy as np
from wsdkd.evaluation.charts import draw_gains, save_png
save_png(draw_gains(["cat", "dog"], np.array([1.5, -0.5]), "gain"), Path(sys.argv[1]))
"""


def test_png_bytes_are_the_same_in_another_process(tmp_path):
    here, there = tmp_path / "here.png", tmp_path / "there.png"
    save_png(draw_gains(["cat", "dog"], np.array([1.5, -0.5]), "gain"), here)
    subprocess.run([sys.executable, "-c", DRAW, str(there)], check=True)
    assert here.read_bytes() == there.read_bytes()
    with Image.open(here) as picture:
        assert picture.size[0] > 300
        assert not {"Software", "Creation Time", "date"} & set(picture.info)


def test_gains_have_a_bar_a_class_in_the_order_given():
    figure = draw_gains(["often", "rare", "unscored"], np.array([2.0, -1.0, np.nan]), "gain")
    axes = figure.axes[0]
    assert [bar.get_height() for bar in axes.patches] == [2.0, -1.0, 0.0]
    assert [label.get_text() for label in axes.get_xticklabels()] == ["often", "rare", "unscored"]


def test_eighty_long_class_names_fit(tmp_path):
    save_png(
        draw_gains([f"a rather long name {k}" for k in range(80)], np.arange(80.0), "g"), tmp_path / "g.png"
    )
    with Image.open(tmp_path / "g.png") as picture:
        assert picture.size[0] > 2000


def test_names_with_dollars_are_drawn_as_they_are(tmp_path):
    # Between two of them matplotlib reads a formula, and one that it cannot read ends the drawing.
    names = ["US$_a^ and $x", "$5"]
    figure = draw_gains(names, np.array([1.0, 2.0]), "gain")
    save_png(figure, tmp_path / "gains.png")
    drawn = [label.get_text() for label in figure.axes[0].get_xticklabels()]
    assert drawn == ["US\\$_a^ and \\$x", "\\$5"]
