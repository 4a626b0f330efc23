"""Deep pictures against what they were made from: a ramp from black to white must stay one."""

import io
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import ExifTags, Image

from wsdkd.data.deep import scale
from wsdkd.data.images import decode, load_square, measure

RAMP = np.linspace(0, 1, 64 * 48).reshape(48, 64)
AS_BYTES = np.floor(RAMP * 255.999)


def encoded(suffix: str, values: np.ndarray) -> bytes:
    return bytes(cv2.imencode(suffix, values)[1])


def tiff(values: np.ndarray, **tags: object) -> bytes:
    file = io.BytesIO()
    Image.fromarray(values).save(file, "TIFF", **tags)  # type: ignore[arg-type]
    return file.getvalue()


def shown(content: bytes, path: Path) -> np.ndarray:
    path.write_bytes(content)
    return np.asarray(decode(path)).astype(int)


@pytest.mark.parametrize(
    ("values", "depth"),
    [
        ((RAMP * 255).astype(np.uint16), "8 bits"),
        ((RAMP * 1023).astype(np.uint16), "10 bits"),
        ((RAMP * 4095).astype(np.uint16), "12 bits"),
        ((RAMP * 16383).astype(np.uint16), "14 bits"),
        ((RAMP * 65535).astype(np.uint16), "16 bits"),
    ],
)
@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_integers_are_read_by_the_least_range_that_holds_them(
    values: np.ndarray, depth: str, suffix: str, tmp_path: Path
) -> None:
    content = encoded(suffix, values)
    pixels = shown(content, tmp_path / "a")
    assert np.abs(pixels[..., 0] - AS_BYTES).max() <= 1
    assert (pixels == pixels[..., :1]).all()
    assert measure(content).depth == depth


@pytest.mark.parametrize(
    ("values", "depth"),
    [
        ((RAMP * 255).astype(np.int32), "8 bits"),
        ((RAMP * 4095).astype(np.int32), "12 bits"),
        ((RAMP * 2**24 - 1).clip(0).astype(np.int32), "24 bits"),
        (((RAMP - 0.25) * 4000).astype(np.int32), "their own least to largest"),  # as of a CT
        (RAMP.astype(np.float32), "0 to 1"),
        ((RAMP * 1.02 - 0.01).astype(np.float32), "0 to 1"),  # resampled: a little beyond
        ((RAMP * 2 - 1).astype(np.float32), "-1 to 1"),
        ((RAMP * 9).astype(np.float32), "0 to their own largest"),
        ((RAMP * 255).astype(np.float32), "0 to 255"),
        ((RAMP * 257).astype(np.float32), "0 to 255"),
        ((RAMP * 65535).astype(np.float32), "0 to 65535"),
        ((RAMP * 1e20).astype(np.float32), "0 to 1e+20"),
        ((RAMP * 900 - 300).astype(np.float32), "their own least to largest"),
    ],
)
def test_any_numbers_of_a_tiff_become_the_whole_ramp(values: np.ndarray, depth: str, tmp_path: Path) -> None:
    content = tiff(values)
    assert np.abs(shown(content, tmp_path / "a")[..., 0] - AS_BYTES).max() <= 3
    assert measure(content).depth == depth


def test_the_range_that_a_tiff_states_counts(tmp_path: Path) -> None:
    dark = (RAMP * 1000).astype(np.uint16)
    assert shown(tiff(dark, tiffinfo={281: 65535}), tmp_path / "a").max() == round(1000 / 65535 * 255)
    assert shown(tiff(dark), tmp_path / "b").max() == 1000 >> 2


def test_the_range_that_a_pgm_states_counts(tmp_path: Path) -> None:
    dark = (RAMP * 1000).astype(">u2")
    pixels = shown(b"P5 64 48 4095\n" + dark.tobytes(), tmp_path / "a")
    assert pixels.max() == round(1000 / 4095 * 255)


def test_unsigned_integers_of_32_bits_do_not_wrap(tmp_path: Path) -> None:
    content = bytearray(tiff((RAMP * (2**32 - 1)).astype(np.uint32).view(np.int32)))
    sample_format = content.index((339).to_bytes(2, "little") + (3).to_bytes(2, "little"))
    content[sample_format + 8] = 1  # unsigned
    assert np.abs(shown(bytes(content), tmp_path / "a")[..., 0] - AS_BYTES).max() <= 1


def test_white_is_zero_is_turned_over(tmp_path: Path) -> None:
    pixels = shown(tiff((RAMP * 4095).astype(np.uint16), tiffinfo={262: 0}), tmp_path / "a")
    assert np.abs(255 - pixels[..., 0] - AS_BYTES).max() <= 1


@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_colours_of_twelve_bits_are_not_black(suffix: str, tmp_path: Path) -> None:
    red, green, blue = RAMP, RAMP[::-1], RAMP[:, ::-1] / 2
    values = (np.stack([blue, green, red], axis=-1) * 4095).astype(np.uint16)  # OpenCV's order
    content = encoded(suffix, values)
    expected = np.floor(np.stack([red, green, blue], axis=-1) * 255.999)
    assert np.abs(shown(content, tmp_path / "a") - expected).max() <= 1
    assert measure(content).depth == "12 bits"


def test_colours_of_sixteen_bits_keep_their_upper_eight(tmp_path: Path) -> None:
    values = (np.stack([RAMP] * 3, axis=-1) * 65535).astype(np.uint16)
    assert np.array_equal(shown(encoded(".png", values), tmp_path / "a"), values[..., ::-1] >> 8)


def test_twelve_bits_with_alpha_lie_on_white(tmp_path: Path) -> None:
    values = np.zeros((48, 64, 4), np.uint16)
    values[..., 2] = 4095  # red
    values[:, 32:, 3] = 65535
    pixels = shown(encoded(".png", values), tmp_path / "a.png")
    assert pixels[0, 0].tolist() == [255, 255, 255]
    assert pixels[0, 63].tolist() == [255, 0, 0]


def test_what_is_not_a_number_is_black() -> None:
    values = np.array([[0.5, np.nan, np.inf, -np.inf]], np.float32)
    assert scale(values)[0].tolist() == [[128, 0, 0, 0]]


def test_a_deep_picture_is_turned_upright_and_resized_as_any_other(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    path = tmp_path / "a.png"
    Image.fromarray((RAMP * 4095).astype(np.uint16)).save(path, exif=exif)
    assert decode(path).size == (48, 64)
    square = load_square(path, 32)
    assert (square.min(), square.max() > 240, len(set(square.ravel().tolist())) > 30) == (
        pytest.approx(3, abs=4),
        True,
        True,
    )


@pytest.mark.parametrize("value", [0, 7, 4000])
def test_one_value_throughout_is_no_defect(value: int, tmp_path: Path) -> None:
    content = encoded(".png", np.full((9, 9), value, np.uint16))
    found = measure(content)
    assert found.flat
    assert shown(content, tmp_path / "a").std() == 0
