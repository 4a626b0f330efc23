from pathlib import Path

import pytest

from tests.distill.two_views import COUNTS
from tests.training.small_world import HandMadeCache, World, make_world


@pytest.fixture
def world(tmp_path: Path) -> World:
    return make_world(tmp_path)


@pytest.fixture
def cache(world: World) -> HandMadeCache:
    return HandMadeCache(world, lambda image: COUNTS.get(image, 2))
