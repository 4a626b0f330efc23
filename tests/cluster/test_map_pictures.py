import hashlib
import importlib
import os
import signal
import sys
import time
from pathlib import Path

import pytest

from tests.cluster.dask_cluster import DaskCluster
from wsdkd.cluster import dask_map
from wsdkd.cluster.dask_map import Surroundings, require_agreement, surroundings
from wsdkd.cluster.map_pictures import SCHEDULER_VARIABLE, map_pictures
from wsdkd.ground.errors import UserError

ITEMS = [str(number) for number in range(200)]


def _by_whom(_: str) -> int:
    time.sleep(0.01)
    return os.getpid()


def _die(item: str) -> str:
    if item == "7":
        os.kill(os.getpid(), signal.SIGKILL)
    return item


def test_results_come_in_the_order_of_the_items(cluster: DaskCluster) -> None:
    cluster.workers(2)
    assert list(map_pictures(int, ITEMS, "there")) == list(range(200))


def test_all_workers_work_and_not_this_process(cluster: DaskCluster) -> None:
    workers = {worker.pid for worker in cluster.workers(2)}
    # The second one may still be starting.
    while set(map_pictures(_by_whom, ITEMS, "there")) != workers:
        assert len(cluster.workers(2)) == 2


def test_no_items_need_no_cluster(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(SCHEDULER_VARIABLE, "tcp://127.0.0.1:1")
    assert list(map_pictures(int, [], "nothing")) == []


def test_a_number_of_workers_means_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(SCHEDULER_VARIABLE, "tcp://127.0.0.1:1")
    assert set(map_pictures(_by_whom, ITEMS[:3], "here", workers=1)) == {os.getpid()}


def test_few_tasks_are_under_way_however_many_items(
    cluster: DaskCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    cluster.workers(2)
    submitted = []
    submit = dask_map.Client.submit
    monkeypatch.setattr(
        dask_map.Client, "submit", lambda *args, **kwargs: submitted.append(1) or submit(*args, **kwargs)
    )
    results = map_pictures(int, [str(number) for number in range(10_000)], "many")
    assert next(results) == 0
    assert 1 <= len(submitted) <= 2 * dask_map.AHEAD
    results.close()


def test_an_exception_arrives_as_it_is(cluster: DaskCluster) -> None:
    cluster.workers(1)
    with pytest.raises(ValueError, match="invalid literal"):
        list(map_pictures(int, ["1", "x"], "bad"))


def test_a_worker_that_sees_another_file_is_refused(
    cluster: DaskCluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cluster.workers(1)
    photo = tmp_path / "photo.jpg"
    photo.write_bytes(b"here")

    def elsewhere(files: list[Path]) -> Surroundings:
        found = dask_map_surroundings(files)
        photo.write_bytes(b"there")  # which the worker, on the same machine, then sees
        return found

    dask_map_surroundings = dask_map.surroundings
    monkeypatch.setattr(dask_map, "surroundings", elsewhere)
    with pytest.raises(
        UserError, match=rf"worker tcp://127\S+ finds another file at {photo}; the same folder"
    ):
        list(map_pictures(int, ITEMS, "there", files=[photo]))


def test_a_task_that_ends_its_workers_is_given_up(cluster: DaskCluster) -> None:
    cluster.workers(2)
    with pytest.raises(UserError, match=r"a task ended every worker that took it, the last one tcp://127"):
        list(map_pictures(_die, ITEMS, "dying"))


def test_a_scheduler_without_workers(cluster: DaskCluster, monkeypatch: pytest.MonkeyPatch) -> None:
    cluster.end_workers()
    monkeypatch.setattr(dask_map, "CONNECT_SECONDS", 1)
    with pytest.raises(UserError, match=f"{cluster.address}: the scheduler has no workers; start some: dask"):
        list(map_pictures(int, ITEMS, "there"))


def test_the_last_worker_goes_and_none_comes(cluster: DaskCluster, monkeypatch: pytest.MonkeyPatch) -> None:
    cluster.workers(1)
    monkeypatch.setattr(dask_map, "PATIENCE_SECONDS", 1)
    results = map_pictures(_by_whom, ITEMS, "there")
    next(results)
    cluster.kill_worker()
    with pytest.raises(UserError, match="the scheduler has no workers left"):
        list(results)


def test_a_worker_without_the_package(cluster: DaskCluster) -> None:
    cluster.workers(1, PYTHONPATH=cluster.without_package())
    with pytest.raises(UserError, match=r"a worker has no module wsdkd\S*; install this package wherever"):
        list(map_pictures(int, ITEMS, "there"))
    cluster.end_workers()


def test_a_refused_worker_may_come_back(tmp_path: Path) -> None:
    photo = tmp_path / "photo.jpg"
    asked = Surroundings(*surroundings([])[:2], ((str(photo), hashlib.sha256(b"here").hexdigest()),))
    with pytest.raises(ValueError, match="No worker found"):  # this process is none, and would say which
        require_agreement(asked)
    photo.write_bytes(b"here")
    require_agreement(asked)


def test_the_scheduler_goes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cluster = DaskCluster(tmp_path)
    monkeypatch.setenv(SCHEDULER_VARIABLE, cluster.address)
    monkeypatch.setattr(dask_map, "CONNECT_SECONDS", 5)
    try:
        cluster.workers(1)
        results = map_pictures(_by_whom, ITEMS, "there")
        next(results)
        cluster.kill_scheduler()
        with pytest.raises(UserError, match="the connection to the scheduler was lost"):
            list(results)
    finally:
        cluster.close()


@pytest.mark.parametrize(
    ("address", "message"),
    [
        ("tcp://127.0.0.1:1", "no Dask scheduler answers there"),
        ("ftp://here:1", "no Dask scheduler"),
        ("x", ""),
    ],
)
def test_no_scheduler_there(address: str, message: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dask_map, "CONNECT_SECONDS", 1)
    monkeypatch.setenv(SCHEDULER_VARIABLE, address)
    with pytest.raises(UserError, match=f"{SCHEDULER_VARIABLE}={address}: {message}"):
        list(map_pictures(int, ITEMS, "there"))


def test_dask_is_needed_by_a_cluster_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("wsdkd.cluster.dask_map", "wsdkd.cluster.map_pictures"):
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "distributed", None)
    alone = importlib.import_module("wsdkd.cluster.map_pictures")
    assert list(alone.map_pictures(int, ITEMS[:2], "here", workers=1)) == [0, 1]
    monkeypatch.setenv(SCHEDULER_VARIABLE, "tcp://127.0.0.1:1")
    with pytest.raises(UserError, match=r"there is no module distributed; pip install distributed"):
        list(alone.map_pictures(int, ITEMS, "there"))
