"""Proposals by all cores, against what the cores would do if nothing came on top of the search."""

from collections.abc import Callable
from functools import partial

import numpy as np

from benchmarks.bench.alternate import alternate
from benchmarks.bench.row import Measured, Row
from benchmarks.bench.world import World
from wsdkd.data.images import decode
from wsdkd.ground.workers import worker_count
from wsdkd.proposals.edge_boxes import opencv_boxes
from wsdkd.proposals.params import EdgeBoxesProposals
from wsdkd.proposals.propose import edges_of, find_boxes, propose, resized, settle_opencv

Alone = Callable[[list[np.ndarray], EdgeBoxesProposals], Callable[[], object]]
"""What one process does with decoded pictures: prepared, then called."""


def _search(pictures: list[np.ndarray], params: EdgeBoxesProposals) -> Callable[[], object]:
    maps = [edges_of(resized(picture, params.side), params) for picture in pictures]
    return lambda: [opencv_boxes(edges, params) for edges in maps]


def _edges_and_search(pictures: list[np.ndarray], params: EdgeBoxesProposals) -> Callable[[], object]:
    return lambda: [find_boxes(picture, params) for picture in pictures]


def _measure(world: World, alone: Alone) -> Measured:
    params = world.profile.proposals
    if not isinstance(params, EdgeBoxesProposals):
        raise TypeError(f"{world.sizes.profile}: expected a profile of EdgeBoxes")
    settle_opencv()
    searched = world.rows[: world.sizes.searched]
    bare = alone([np.asarray(decode(world.root / row.path)) for row in searched], params)
    cores = worker_count()
    return alternate(
        lambda: list(propose(world.rows, world.root, params)),
        bare,
        world.sizes.pairs,
        items=len(world.rows),
        item="image",
        other_items=len(searched) * cores,
        note=f"{len(world.rows)} scenes of {world.rows[0].width} px on {cores} cores, starting the processes "
        "included",
    )


ROWS = (
    Row(
        "propose",
        "propose: decoding, edges, search, by all cores",
        "cores times OpenCV's search in one process, edge maps in memory",
        partial(_measure, alone=_search),
        target=0.85,
    ),
    Row(
        "propose_spread",
        "propose: decoding, edges, search, by all cores",
        "cores times edges and search in one process, pictures in memory",
        partial(_measure, alone=_edges_and_search),
    ),
)
