import io
from itertools import combinations

import numpy as np
import pytest
from PIL import Image, ImageEnhance

from wsdkd.data.likeness import LIKE, MOST_BITS, SIDE, alike, grey_grid


def scene(seed: int, side: int = 240) -> Image.Image:
    """A picture of soft blobs in colour with fine noise, like none of another seed."""
    rng = np.random.default_rng(seed)
    coarse = Image.fromarray(rng.integers(0, 255, (6, 6, 3), dtype=np.uint8))
    smooth = np.asarray(coarse.resize((side, side), Image.Resampling.BICUBIC)).astype(int)
    return Image.fromarray((smooth + rng.integers(-12, 13, smooth.shape)).clip(0, 255).astype(np.uint8))


def grids(pictures: list[Image.Image]) -> np.ndarray:
    return np.frombuffer(b"".join(map(grey_grid, pictures)), np.uint8).reshape(-1, SIDE * SIDE)


def pairs(pictures: list[Image.Image]) -> list[tuple[int, int]]:
    return [tuple(pair) for pair in alike(grids(pictures)).tolist()]


def as_jpeg(picture: Image.Image, quality: int) -> Image.Image:
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=quality)
    return Image.open(buffer).convert("RGB")


def test_the_grid_of_a_picture_of_108_pixels_is_the_mean_of_its_blocks() -> None:
    picture = scene(1, side=108)
    red, green, blue = np.asarray(picture).reshape(9, 12, 9, 12, 3).mean(axis=(1, 3)).transpose(2, 0, 1)
    expected = 0.299 * red + 0.587 * green + 0.114 * blue  # ITU-R 601, as Pillow documents mode L
    found = np.frombuffer(grey_grid(picture), np.uint8).reshape(9, 9)
    np.testing.assert_allclose(found, expected, atol=1.5)


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda it: as_jpeg(it, 30), id="compressed"),
        pytest.param(lambda it: it.resize((97, 120)), id="shrunk"),
        pytest.param(lambda it: as_jpeg(it.resize((400, 400)), 60), id="enlarged"),
        pytest.param(lambda it: ImageEnhance.Brightness(it).enhance(0.7), id="darker"),
        pytest.param(lambda it: it.crop((2, 2, 238, 238)), id="cropped"),
    ],
)
def test_a_changed_copy_is_found_among_others(change) -> None:
    others = [scene(seed) for seed in range(40)]
    assert pairs([*others, change(others[7])]) == [(7, 40)]


def test_pictures_of_one_colour_are_like_no_other() -> None:
    plain = [Image.new("RGB", (50, 50), colour) for colour in ("white", "white", "gray", "black")]
    assert pairs(plain) == []
    assert pairs([]) == []
    assert pairs([scene(1)]) == []


def test_the_search_finds_what_a_comparison_of_all_with_all_finds() -> None:
    rng = np.random.default_rng(0)
    first = grids([scene(seed, side=60) for seed in range(150)]).astype(int)
    noisy = [first[:60] + rng.integers(-width, width + 1, (60, 81)) for width in (4, 12, 30, 60)]
    found = np.concatenate([first, *noisy]).clip(0, 255).astype(np.uint8)

    def bits(grid: np.ndarray) -> np.ndarray:
        grey = grid.reshape(9, 9).astype(int)
        return np.concatenate(
            [np.diff(grey, axis=1)[:8].ravel() > 0, np.diff(grey, axis=0)[:, :8].ravel() > 0]
        )

    hashes, correlation = [bits(grid) for grid in found], np.corrcoef(found)
    expected = {
        (one, other)
        for one, other in combinations(range(len(found)), 2)
        if (hashes[one] != hashes[other]).sum() <= MOST_BITS and correlation[one, other] >= LIKE
    }
    got = {tuple(pair) for pair in alike(found).tolist()}
    assert len(expected) > 60
    assert got <= expected
    assert len(got) >= 0.99 * len(expected)
