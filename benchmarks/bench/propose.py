"""Proposals by all cores, against what all cores do where nothing comes on top of edges and search."""

from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import Any

import numpy as np

from benchmarks.bench.alternate import alternate
from benchmarks.bench.row import Measured, Row
from benchmarks.bench.world import World
from wsdkd.data.images import decode
from wsdkd.ground.workers import worker_count
from wsdkd.proposals.params import EdgeBoxesProposals
from wsdkd.proposals.propose import find_boxes, propose, settle_opencv


def _measure(world: World) -> Measured:
    params = world.profile.proposals
    if not isinstance(params, EdgeBoxesProposals):
        raise TypeError(f"{world.sizes.profile}: expected a profile of EdgeBoxes")
    searched = world.rows[: world.sizes.searched]
    pictures = [np.asarray(decode(world.root / row.path)) for row in searched]
    cores, context = worker_count(), get_context("spawn")
    given = (pictures, params, context.Barrier(cores))
    with ProcessPoolExecutor(cores, mp_context=context, initializer=_begin, initargs=given) as pool:

        def bare() -> None:
            for done in [pool.submit(_search) for _ in range(cores)]:
                done.result()

        return alternate(
            lambda: list(propose(world.rows, world.root, params)),
            bare,
            world.sizes.pairs,
            items=len(world.rows),
            item="image",
            other_items=len(searched) * cores,
            note=f"{len(world.rows)} scenes of {world.rows[0].width} px on {cores} cores, starting the "
            "processes included",
        )


_kept: list[Any] = []


def _begin(pictures: Sequence[np.ndarray], params: EdgeBoxesProposals, together: Any) -> None:
    settle_opencv()
    _kept[:] = [pictures, params, together]


def _search() -> None:
    pictures, params, together = _kept
    together.wait()  # so that no process takes the turn of another
    for picture in pictures:
        find_boxes(picture, params)


ROWS = (
    Row(
        "propose",
        "propose: decoding, edges, search, by all cores",
        "edges and search alone, in as many processes that have begun, pictures in memory",
        _measure,
        target=0.85,
    ),
)
