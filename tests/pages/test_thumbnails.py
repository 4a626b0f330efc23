"""Pictures within a page."""

import base64
import io

import numpy as np
import pytest
from PIL import Image

from wsdkd.pages.thumbnails import thumbnail


def _decoded(uri: str) -> Image.Image:
    head, _, text = uri.partition(",")
    assert head == "data:image/webp;base64"
    return Image.open(io.BytesIO(base64.b64decode(text, validate=True)))


@pytest.mark.parametrize(
    ("size", "small"),
    [((640, 480), (160, 120)), ((480, 640), (120, 160)), ((100, 50), (100, 50)), ((5000, 3), (160, 1))],
)
def test_the_longer_side_is_short(size, small):
    made = thumbnail(Image.new("RGB", size, "red"))
    assert (made.width, made.height) == small == _decoded(made.uri).size
    assert made.scale == pytest.approx(small[0] / size[0])


@pytest.mark.parametrize("mode", ["L", "P", "RGBA", "CMYK", "1"])
def test_any_mode(mode):
    assert _decoded(thumbnail(Image.new(mode, (300, 200))).uri).mode == "RGB"


def test_it_looks_like_the_picture_and_has_equal_bytes():
    pixels = np.full((240, 320, 3), 90, dtype=np.uint8)
    pixels[..., 0] = np.linspace(0, 255, 320)
    picture = Image.fromarray(pixels)
    made = thumbnail(picture)
    assert made == thumbnail(picture)
    shrunk = np.asarray(picture.resize((160, 120), Image.Resampling.BOX), dtype=float)
    assert np.abs(np.asarray(_decoded(made.uri), dtype=float) - shrunk).mean() < 4
