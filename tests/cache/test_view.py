"""Rows of a byte a value: how far a value may come back from where it was."""

import numpy as np
import pytest

from wsdkd.cache.format import HEAD_BYTES
from wsdkd.cache.view import pack_rows, unpack_rows

RNG = np.random.default_rng(0)


@pytest.mark.parametrize("scale", [1e-4, 1.0, 30.0, 6e4])
@pytest.mark.parametrize("offset", [-1.0, 0.0, 0.5])
def test_a_value_comes_back_within_half_a_step_of_its_row(scale: float, offset: float) -> None:
    values = ((RNG.random((200, 33)) + offset) * scale).astype(np.float32)
    packed = pack_rows(values)
    assert packed.dtype == np.uint8
    assert packed.shape == (200, 33 + HEAD_BYTES)
    # Both ends are rounded outwards in half precision: by 2^-10 of them, or its smallest number of 6e-8.
    reach = np.ptp(values, axis=1) + 2**-10 * np.abs(values).max(axis=1) + 6e-8
    half_a_step = reach / 255 * (1 + 2**-10) / 2 + 3e-8
    error = np.abs(unpack_rows(packed) - values).max(axis=1)
    assert (error <= half_a_step * (1 + 1e-5)).all()


def test_zeros_of_a_row_of_features_stay_zeros() -> None:
    features = np.maximum(RNG.normal(0, 2, (50, 64)), 0).astype(np.float32)
    found = unpack_rows(pack_rows(features))
    assert ((features == 0) <= (found == 0)).all()
    assert (features == 0).any()


@pytest.mark.parametrize("value", [0.0, 1.0, -0.1, 12.345, 65504.0, -65504.0])
def test_a_row_of_one_value(value: float) -> None:
    found = unpack_rows(pack_rows(np.full((2, 5), value, np.float32)))
    np.testing.assert_allclose(found, value, rtol=1e-5)


def test_each_row_has_ends_of_its_own() -> None:
    values = np.array([[0, 1, 2], [-6e4, 0, 6e4]], np.float32)
    np.testing.assert_allclose(unpack_rows(pack_rows(values))[0], values[0], atol=2 / 255)


def test_no_rows() -> None:
    assert unpack_rows(pack_rows(np.zeros((0, 7), np.float32))).shape == (0, 7)
