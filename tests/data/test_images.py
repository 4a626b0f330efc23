import io
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import ExifTags, Image

from wsdkd.data.images import ImageError, TooLargeError, decode, load_square, measure

RED, WHITE = (255, 0, 0), (255, 255, 255)


def save(path: Path, picture: Image.Image, **options: object) -> Path:
    picture.save(path, **options)  # type: ignore[arg-type]
    return path


def photograph(width: int = 64, height: int = 48) -> Image.Image:
    across = np.linspace(0, 255, width, dtype=np.uint8)
    down = np.linspace(0, 255, height, dtype=np.uint8)
    red, green = np.meshgrid(across, down)
    return Image.fromarray(np.stack([red, green, np.full_like(red, 60)], axis=-1))


def test_greyscale_gets_three_equal_channels(tmp_path: Path) -> None:
    path = save(tmp_path / "a.png", Image.new("L", (4, 3), 77))
    assert decode(path).mode == "RGB"
    assert np.array_equal(np.asarray(decode(path)), np.full((3, 4, 3), 77))


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "I;16", "I", "F"])
def test_every_mode_becomes_a_square_of_rgb(mode: str, tmp_path: Path) -> None:
    if mode in ("I;16", "I", "F"):
        kind = {"I;16": np.uint16, "I": np.int32, "F": np.float32}[mode]
        picture = Image.fromarray(np.full((5, 7), 200, kind))
        assert picture.mode == mode
    else:
        picture = photograph(7, 5).convert(mode)
    square = load_square(save(tmp_path / "a.tiff", picture), 8)
    assert square.shape == (8, 8, 3)
    assert square.dtype == np.uint8


def test_palette_is_looked_up(tmp_path: Path) -> None:
    picture = Image.new("P", (2, 1))
    picture.putpalette([*RED, 0, 255, 0])
    picture.putdata([0, 1])
    assert np.asarray(decode(save(tmp_path / "a.png", picture))).tolist() == [[[255, 0, 0], [0, 255, 0]]]


def test_a_transparent_palette_entry_lies_on_white(tmp_path: Path) -> None:
    picture = Image.new("P", (2, 1))
    picture.putpalette([*RED, 0, 255, 0])
    picture.putdata([0, 1])
    path = save(tmp_path / "a.png", picture, transparency=1)
    assert np.asarray(decode(path)).tolist() == [[list(RED), list(WHITE)]]


def test_transparency_lies_on_white(tmp_path: Path) -> None:
    picture = Image.new("RGBA", (3, 1))
    picture.putdata([(*RED, 255), (*RED, 0), (*RED, 128)])
    clear, gone, half = np.asarray(decode(save(tmp_path / "a.png", picture)))[0].tolist()
    assert (clear, gone) == (list(RED), list(WHITE))
    assert half == pytest.approx([255, 127, 127], abs=1)


def test_cmyk_becomes_the_colours_it_shows(tmp_path: Path) -> None:
    ink = Image.new("CMYK", (16, 16), (0, 255, 255, 0))
    shown = np.asarray(decode(save(tmp_path / "a.jpg", ink, quality=95)))
    assert shown[8, 8].tolist() == pytest.approx(list(RED), abs=4)


def test_sixteen_bits_keep_the_upper_eight(tmp_path: Path) -> None:
    values = np.array([[0, 255, 256, 0x80FF, 0xFFFF]], np.uint16)
    shown = np.asarray(decode(save(tmp_path / "a.png", Image.fromarray(values))))
    assert shown[0, :, 0].tolist() == [0, 0, 1, 0x80, 0xFF]
    assert (shown == shown[..., :1]).all()


@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientation_stands_upright_as_other_programs_show_it(orientation: int, tmp_path: Path) -> None:
    cv2 = pytest.importorskip("cv2")
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    path = save(tmp_path / "a.jpg", photograph(), exif=exif, quality=95)
    expected = cv2.imread(str(path), cv2.IMREAD_COLOR)[..., ::-1].astype(int)
    shown = np.asarray(decode(path)).astype(int)
    assert shown.shape == expected.shape
    assert np.abs(shown - expected).max() <= 3
    measured = measure(path.read_bytes())
    assert (measured.width, measured.height, measured.orientation) == (*decode(path).size, orientation)
    assert measured.stored_size == (64, 48)


@pytest.mark.parametrize("value", [0, 9, 65535])
def test_an_orientation_that_does_not_exist_changes_nothing(value: int, tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = value
    assert decode(save(tmp_path / "a.jpg", photograph(), exif=exif)).size == (64, 48)


def test_damaged_exif_data_does_not_cost_the_picture(tmp_path: Path) -> None:
    path = save(tmp_path / "a.jpg", photograph(), exif=b"Exif\0\0MM\0*\0\0\0\x08\xff\xff\x01\x12\0\x03\0")
    assert decode(path).size == (64, 48)


def test_a_square_scales_both_sides_on_their_own(tmp_path: Path) -> None:
    square = load_square(save(tmp_path / "a.png", photograph(100, 20)), 10).astype(int)
    for sides, values in ((100, square[0, :, 0]), (20, square[:, 0, 1])):
        centres = (np.arange(10) + 0.5) * sides / 10 - 0.5  # of the new pixels, in the old ones
        assert np.allclose(values, centres / (sides - 1) * 255, atol=4)


def test_a_large_jpeg_decoded_at_a_fraction_looks_the_same(tmp_path: Path) -> None:
    path = save(tmp_path / "a.jpg", photograph(1600, 1200), quality=95)
    whole = np.asarray(decode(path).resize((64, 64), Image.Resampling.BILINEAR)).astype(int)
    assert np.abs(load_square(path, 64).astype(int) - whole).max() <= 3


def test_a_picture_of_the_right_size_is_not_touched(tmp_path: Path) -> None:
    picture = photograph(32, 32)
    assert np.array_equal(load_square(save(tmp_path / "a.png", picture), 32), np.asarray(picture))


def test_a_picture_in_memory_is_what_its_file_is(tmp_path: Path) -> None:
    path = save(tmp_path / "a.png", photograph(40, 30).convert("RGBA"), exif=_turned())
    with Image.open(path) as picture:
        assert np.array_equal(load_square(picture, 16), load_square(path, 16))


def _turned() -> Image.Exif:
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by 90 degrees clockwise
    return exif


@pytest.mark.parametrize("suffix", ["jpg", "png", "gif", "bmp", "tiff", "webp", "ppm"])
def test_a_truncated_file_is_refused(suffix: str, tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (64, 64, 3), dtype=np.uint8)
    path = save(tmp_path / f"a.{suffix}", Image.fromarray(noise))
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    with pytest.raises(ImageError, match=r"cannot be decoded|not an image"):
        decode(path)
    with pytest.raises(ImageError):
        measure(path.read_bytes())


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "an empty file"),
        (b"<html>404 not found</html>", "not an image"),
        (b"\xff\xd8\xff\xe0", "not an image|cannot be decoded"),
        (b"P6 0 5 255\n", "of zero size|must have greater than 0 width"),
        (b"GIF89a" + bytes(7) + b"\x3b", "of zero size"),
    ],
)
def test_what_is_no_picture_is_refused(content: bytes, reason: str, tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    path.write_bytes(content)
    with pytest.raises(ImageError, match=reason):
        decode(path)


def test_a_format_whose_decoder_runs_a_program_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    path.write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\nshowpage\n")
    with pytest.raises(ImageError, match=r"^not an image of format JPEG, PNG, "):
        decode(path)


def test_a_bomb_is_refused_by_its_header(tmp_path: Path) -> None:
    path = save(tmp_path / "a.png", Image.new("1", (3000, 2000)))
    assert path.stat().st_size < 5000
    with pytest.raises(ImageError, match=r"^3000 x 2000 pixels, more than the limit of 5999999$"):
        decode(path, max_pixels=5_999_999)
    assert decode(path, max_pixels=6_000_000).size == (3000, 2000)


def test_a_header_beyond_every_limit_is_refused(tmp_path: Path) -> None:
    file = io.BytesIO()
    Image.new("L", (1, 1)).save(file, "BMP")
    content = bytearray(file.getvalue())
    content[18:26] = (60_000).to_bytes(4, "little") * 2
    path = tmp_path / "a.bmp"
    path.write_bytes(content)
    with pytest.raises(ImageError, match="pixels"):
        load_square(path, 32)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ImageError, match=r"^cannot be read: No such file or directory$"):
        decode(tmp_path / "a.jpg")


def test_a_pipe_with_the_name_of_a_picture_does_not_keep_anybody_waiting(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.jpg")
    with pytest.raises(ImageError, match="a pipe, where a file should be"):
        load_square(tmp_path / "a.jpg", 32)


def test_decoding_stays_within_a_budget_of_memory(tmp_path: Path) -> None:
    path = save(tmp_path / "a.png", Image.new("RGBA", (300, 200)))
    with pytest.raises(TooLargeError, match=r"^300 x 200 pixels take 720,000 bytes to decode, more than the"):
        load_square(path, 32, memory=719_999)
    assert load_square(path, 32, memory=720_000).shape == (32, 32, 3)
    deep = save(tmp_path / "b.png", Image.fromarray(np.zeros((200, 300), np.uint16)))
    with pytest.raises(TooLargeError, match=r"take 1,440,000 bytes"):
        load_square(deep, 32, memory=1_439_999)


def test_any_exception_of_a_decoder_is_that_pictures_refusal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = save(tmp_path / "a.png", photograph())

    def fail(*_: object, **__: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("PIL.ImageFile.ImageFile.load", fail)
    with pytest.raises(ImageError, match=r"^cannot be decoded: ZeroDivisionError$"):
        decode(path)


def test_transparency_of_a_tall_picture_is_laid_on_white_as_in_one_piece(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (700, 30, 4), dtype=np.uint8)
    layer = Image.fromarray(pixels)
    expected = Image.alpha_composite(Image.new("RGBA", layer.size, "white"), layer).convert("RGB")
    assert np.array_equal(np.asarray(decode(save(tmp_path / "a.png", layer))), np.asarray(expected))


@pytest.mark.parametrize(
    ("colour", "spread", "flat"), [((0, 0, 0), 0, True), ((250, 250, 250), 3, True), ((9, 9, 9), 40, False)]
)
def test_a_picture_of_nearly_one_colour_is_told(
    colour: tuple[int, int, int], spread: int, flat: bool, tmp_path: Path
) -> None:
    noise = np.random.default_rng(0).integers(0, spread + 1, (90, 120, 3))
    path = save(tmp_path / "a.png", Image.fromarray(np.clip(colour + noise, 0, 255).astype(np.uint8)))
    assert measure(path.read_bytes()).flat is flat
