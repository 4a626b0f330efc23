"""Proposals by all cores, against what the cores would do if they called OpenCV and nothing else."""

import cv2
import numpy as np

from benchmarks.bench.alternate import alternate
from benchmarks.bench.row import Measured, Row
from benchmarks.bench.world import World
from wsdkd.images import decode
from wsdkd.params.proposals import EdgeBoxesProposals
from wsdkd.proposals.edge_boxes import opencv_boxes
from wsdkd.proposals.edge_map import EdgeMap, gradient_edges
from wsdkd.proposals.propose import propose, settle_opencv
from wsdkd.workers import worker_count


def _measure(world: World) -> Measured:
    params = world.profile.proposals
    if not isinstance(params, EdgeBoxesProposals):
        raise TypeError(f"{world.sizes.profile}: expected a profile of EdgeBoxes")
    settle_opencv()
    searched = world.rows[: world.sizes.searched]
    maps = [_edges(np.asarray(decode(world.root / row.path)), params) for row in searched]
    cores = worker_count()

    def bare() -> None:
        for edges in maps:
            opencv_boxes(edges, params)

    return alternate(
        lambda: list(propose(world.rows, world.root, params)),
        bare,
        world.sizes.pairs,
        items=len(world.rows),
        item="image",
        other_items=len(maps) * cores,
        note=f"{len(world.rows)} scenes of {world.rows[0].width} px on {cores} cores, starting the processes "
        "included",
    )


def _edges(picture: np.ndarray, params: EdgeBoxesProposals) -> EdgeMap:
    height, width = picture.shape[:2]
    scale = params.side / max(height, width)
    return gradient_edges(
        cv2.resize(picture, (round(width * scale), round(height * scale)), interpolation=cv2.INTER_LINEAR),
        params.blur,
    )


ROWS = (
    Row(
        "propose",
        "propose: decoding, edges, search, by all cores",
        "cores times OpenCV's search in one process, edge maps in memory",
        _measure,
        target=0.85,
    ),
)
