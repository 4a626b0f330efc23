from collections.abc import Iterator

import pytest

from tests.cluster.dask_cluster import DaskCluster
from wsdkd.cluster.map_pictures import SCHEDULER_VARIABLE


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DaskCluster]:
    cluster = DaskCluster(tmp_path_factory.mktemp("cluster"))
    yield cluster
    cluster.close()


@pytest.fixture
def cluster(running: DaskCluster, monkeypatch: pytest.MonkeyPatch) -> DaskCluster:
    """The module's cluster, named by the variable."""
    monkeypatch.setenv(SCHEDULER_VARIABLE, running.address)
    return running
