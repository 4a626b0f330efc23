import threading
import time
from collections.abc import Iterator

import pytest

from wsdkd.ground.ahead import made_ahead


def test_in_order_by_another_thread() -> None:
    makers = []

    def items() -> Iterator[int]:
        for number in range(20):
            makers.append(threading.get_ident())
            yield number

    assert list(made_ahead(items(), 3)) == list(range(20))
    assert len(set(makers)) == 1
    assert makers[0] != threading.get_ident()
    assert list(made_ahead(iter(()), 3)) == []


def test_no_more_than_so_many_wait() -> None:
    made: list[int] = []
    ahead = made_ahead((made.append(number) or number for number in range(100)), 4)  # type: ignore[func-returns-value]
    assert next(ahead) == 0
    deadline = time.monotonic() + 20
    while len(made) < 6 and time.monotonic() < deadline:
        time.sleep(0.01)
    time.sleep(0.1)
    # One was taken, four wait, and one more is at hand.
    assert len(made) == 6
    ahead.close()  # type: ignore[attr-defined]


def test_an_error_comes_in_the_place_of_its_item() -> None:
    def items() -> Iterator[int]:
        yield 1
        raise ValueError("the second")

    ahead = made_ahead(items(), 3)
    assert next(ahead) == 1
    with pytest.raises(ValueError, match="the second"):
        next(ahead)


def test_the_thread_ends_where_nobody_takes_any_more() -> None:
    before = threading.active_count()
    ahead = made_ahead(iter(range(1000)), 2)
    assert next(ahead) == 0
    assert threading.active_count() == before + 1
    ahead.close()  # type: ignore[attr-defined]
    assert threading.active_count() == before
