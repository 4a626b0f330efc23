from pathlib import Path

import pytest

from tests.cache import synthetic_teacher


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    """A finished cache of 20 images in three shards."""
    synthetic_teacher.write(tmp_path / "cache", tmp_path / "scratch", synthetic_teacher.make_rows(20))
    return tmp_path / "cache"
