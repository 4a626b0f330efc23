"""Proposals by all cores, against what all cores do where nothing comes on top of edges and search."""

from collections.abc import Sequence

import numpy as np

from benchmarks.bench.alternate import alternate
from benchmarks.bench.at_once import at_once
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
    cores = worker_count()
    with at_once(_search, (pictures, params)) as bare:
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


def _search(given: tuple[Sequence[np.ndarray], EdgeBoxesProposals]) -> None:
    pictures, params = given
    settle_opencv()
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
