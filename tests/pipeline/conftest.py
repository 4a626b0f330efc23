"""The smoke profile, run once for all tests of the pipeline."""

import pytest

from tests.pipeline.clone import Clone, make_clone


@pytest.fixture(scope="session")
def smoke(tmp_path_factory: pytest.TempPathFactory) -> Clone:
    """A clone in which the whole smoke profile has run; tests put back what they change."""
    clone = make_clone(tmp_path_factory.mktemp("smoke") / "project")
    clone.repro()
    return clone
