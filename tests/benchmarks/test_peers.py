"""Other software on small pictures of one coloured square each; where it is installed."""

from pathlib import Path

import numpy as np
import pytest

from tests.training.small_world import CLASSES, make_world
from wsdkd.networks.params import Network

fastai_learner = pytest.importorskip("benchmarks.peers.fastai_learner")
pytest.importorskip("fastai", reason="the extra `peers` is not installed")


@pytest.mark.filterwarnings("ignore")
def test_learns_for_the_time_that_it_gets_and_begins_where_the_student_does(tmp_path: Path) -> None:
    world = make_world(tmp_path)
    photographs = fastai_learner.Photographs(world.root, CLASSES, world.rows, world.rows[:4])
    short, long = (
        fastai_learner.learn(photographs, Network(backbone="tf_efficientnet_lite0"), 32, seconds, 0)
        for seconds in (0.0, 20.0)
    )
    assert short.epochs == 1 < long.epochs
    assert short.seconds < long.seconds
    assert short.multiply_adds == long.multiply_adds > 5e6
    scores = long.scores(world.rows)
    assert scores.shape == (len(world.rows), len(CLASSES))
    truth = np.array([[label in row.labels for label in range(len(CLASSES))] for row in world.rows])
    assert scores[truth].mean() > scores[~truth].mean() + 0.1
