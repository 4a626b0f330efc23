"""Proposals by all cores, against what the cores would do if nothing came on top of edges and search."""

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
    settle_opencv()
    searched = world.rows[: world.sizes.searched]
    pictures = [np.asarray(decode(world.root / row.path)) for row in searched]
    cores = worker_count()
    return alternate(
        lambda: list(propose(world.rows, world.root, params)),
        lambda: [find_boxes(picture, params) for picture in pictures],
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
        "cores times edges and search in one process, pictures in memory",
        _measure,
        target=0.85,
    ),
)
