"""Loading looks for no garbage, leaves the collector as it was, and its objects out of what comes later."""

import gc
from collections.abc import Iterator

import pytest

from wsdkd.ground.loading import nothing_collected


@pytest.fixture(autouse=True)
def _thawed() -> Iterator[None]:
    gc.unfreeze()
    yield
    gc.unfreeze()
    gc.enable()


def test_nothing_is_collected_within_and_the_rest_after() -> None:
    collections: list[str] = []

    def look(phase: str, _: dict[str, int]) -> None:
        collections.append(phase)

    gc.callbacks.append(look)
    try:
        with nothing_collected():
            kept: list[list[int]] = [[] for _ in range(50_000)]
            assert collections == []
        assert gc.isenabled()
        assert gc.get_freeze_count() > len(kept)
        more: list[list[int]] = [[] for _ in range(50_000)]
    finally:
        gc.callbacks.remove(look)
    assert collections
    assert len(more) == len(kept)


def test_a_collector_that_was_off_stays_off_and_one_that_was_on_is_on_after_an_error() -> None:
    with pytest.raises(KeyError), nothing_collected():
        raise KeyError
    assert gc.isenabled()
    gc.disable()
    with nothing_collected():
        pass
    assert not gc.isenabled()
