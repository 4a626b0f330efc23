"""Pictures of many requests go through the network together; what cannot wait is turned away at once."""

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from wsdkd.server.asked import Ready


class QueueFullError(Exception):
    """As many pictures wait as may."""


@dataclass(frozen=True)
class _Waiting:
    student: Ready
    picture: np.ndarray
    answer: "asyncio.Future[np.ndarray]"


class Batches:
    """One thread computes; while it does, the next pictures gather.

    Args:
        outputs: of a student for pictures, uint8 (size, size, 3) each: float32 (B, K).
        most: pictures that go through together.
        capacity: pictures that may wait.
        seen: told the size of each batch.
    """

    def __init__(
        self,
        outputs: Callable[[Ready, Sequence[np.ndarray]], np.ndarray],
        most: int,
        capacity: int,
        seen: Callable[[int], None],
    ) -> None:
        self._outputs, self._most, self._seen = outputs, most, seen
        self._queue: asyncio.Queue[_Waiting] = asyncio.Queue(capacity)
        self._thread = ThreadPoolExecutor(1, "network")

    @property
    def waiting(self) -> int:
        """How many pictures wait."""
        return self._queue.qsize()

    async def outputs(self, student: Ready, picture: np.ndarray) -> np.ndarray:
        """Outputs (K,) for one picture.

        Raises:
            QueueFullError: it was not taken.
        """
        answer: asyncio.Future[np.ndarray] = asyncio.get_running_loop().create_future()
        try:
            self._queue.put_nowait(_Waiting(student, picture, answer))
        except asyncio.QueueFull:
            raise QueueFullError from None
        return await answer

    async def run(self) -> None:
        """Compute until cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            batch = [await self._queue.get()]
            while len(batch) < self._most and not self._queue.empty():
                batch.append(self._queue.get_nowait())
            # After a promotion some may still be for the student before; they get its answer.
            for student in {id(each.student): each.student for each in batch}.values():
                # Who gave up waiting needs no answer.
                mine = [each for each in batch if each.student is student and not each.answer.done()]
                if not mine:
                    continue
                self._seen(len(mine))
                try:
                    found = await loop.run_in_executor(
                        self._thread, self._outputs, student, [each.picture for each in mine]
                    )
                except Exception as error:
                    for each in mine:
                        if not each.answer.done():
                            each.answer.set_exception(error)
                    continue
                for each, row in zip(mine, found, strict=True):
                    if not each.answer.done():
                        each.answer.set_result(row)
