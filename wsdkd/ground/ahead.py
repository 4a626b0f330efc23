"""An iterator whose items another thread makes ahead of whoever takes them."""

import threading
from collections.abc import Iterator
from queue import Full, Queue
from typing import Generic, NamedTuple, TypeVar

Item = TypeVar("Item")

PATIENCE = 0.1
"""Seconds after which a thread that waits looks whether it is still wanted."""


def made_ahead(items: Iterator[Item], most: int) -> Iterator[Item]:
    """Yield items in order, of which another thread makes at most ``most`` ahead.

    An error of the iterator's is raised here, in the place of the item that it kept from being made. Where
    nobody takes any more, the thread ends with the item that it is at.

    Args:
        items: asked for in the other thread alone.
        most: items that wait at a time, besides the one that is being made.
    """
    maker = _Maker(items, most)
    try:
        while True:
            one = maker.made.get()
            if one.error is not None:
                raise one.error
            if not one.items:
                return
            yield from one.items
    finally:
        maker.end()


class _Made(NamedTuple, Generic[Item]):
    items: tuple[Item, ...]
    """One, or none at the end."""
    error: BaseException | None = None


class _Maker(Generic[Item]):
    def __init__(self, items: Iterator[Item], most: int):
        self.made: Queue[_Made[Item]] = Queue(most)
        self._unwanted = threading.Event()
        self._thread = threading.Thread(target=self._make, args=(items,), daemon=True)
        self._thread.start()

    def end(self) -> None:
        self._unwanted.set()
        self._thread.join()

    def _make(self, items: Iterator[Item]) -> None:
        try:
            for item in items:
                self._hand_over(_Made((item,)))
                if self._unwanted.is_set():
                    return
        except BaseException as error:  # raised where the items are taken
            self._hand_over(_Made((), error))
        else:
            self._hand_over(_Made(()))

    def _hand_over(self, one: _Made[Item]) -> None:
        while not self._unwanted.is_set():
            try:
                self.made.put(one, timeout=PATIENCE)
            except Full:
                continue
            return
