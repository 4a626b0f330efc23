"""A real Dask scheduler and its workers, each a process on this machine's loopback device."""

import contextlib
import json
import os
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).parents[2]
START_SECONDS = 60


class DaskCluster:
    """Starts in ``folder``, where the processes work and write; ends all of them."""

    def __init__(self, folder: Path):
        self.folder = folder
        self._file = folder / "scheduler.json"
        self._started: list[subprocess.Popen[bytes]] = []
        # The scheduler has no need of the package. A task that has ended two workers goes to no third one.
        self._scheduler = self._start(
            "scheduler",
            *("--host", "127.0.0.1", "--port", "0", "--no-dashboard", "--no-show"),
            *("--scheduler-file", str(self._file), "--idle-timeout", "300"),
            PYTHONPATH=self.without_package(),
            DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES="1",
        )
        self._workers: list[subprocess.Popen[bytes]] = []
        try:
            self.address = self._wait_for_address()
        except BaseException:
            self.close()
            raise

    def workers(self, count: int, **environment: str) -> list[subprocess.Popen[bytes]]:
        """Start workers until there are ``count``; gives all of them."""
        self._workers = [worker for worker in self._workers if worker.poll() is None]
        while len(self._workers) < count:
            # Without the nanny, which would bring a killed worker back.
            command = ("worker", self.address, "--no-nanny", "--nthreads", "1", "--host", "127.0.0.1")
            options = ("--no-dashboard", "--death-timeout", "60", "--local-directory", str(self.folder))
            self._workers.append(self._start(*command, *options, **environment))
        return self._workers

    def kill_worker(self) -> None:
        """End one worker by SIGKILL, in the midst of whatever it does."""
        worker = self._workers.pop()
        assert worker.poll() is None
        worker.kill()
        worker.wait()

    def kill_scheduler(self) -> None:
        """End the scheduler by SIGKILL."""
        self._scheduler.kill()
        self._scheduler.wait()

    def end_workers(self) -> None:
        """End all workers, in order."""
        for worker in self._workers:
            worker.terminate()
        for worker in self._workers:
            worker.wait(30)
        self._workers = []

    def without_package(self) -> str:
        """A PYTHONPATH with which there is no package wsdkd, whatever is installed."""
        site = self.folder / "site"
        site.mkdir(exist_ok=True)
        (site / "sitecustomize.py").write_text("import sys\nsys.modules['wsdkd'] = None\n")
        return str(site)

    def close(self) -> None:
        """End everything that was started, whatever it does."""
        for process in self._started[::-1]:
            process.kill()
            process.wait()

    def log(self) -> str:
        """What all of them printed."""
        return "".join(path.read_text() for path in sorted(self.folder.glob("*.log")))

    def _wait_for_address(self) -> str:
        """The scheduler writes its file in place: it may be seen while it is empty or half written."""
        until = time.monotonic() + START_SECONDS
        while True:
            with contextlib.suppress(FileNotFoundError, json.JSONDecodeError):
                return str(json.loads(self._file.read_text())["address"])
            assert self._scheduler.poll() is None, self.log()
            assert time.monotonic() < until, self.log()
            time.sleep(0.05)

    def _start(self, *command: str, **environment: str) -> subprocess.Popen[bytes]:
        given = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", **environment}
        with (self.folder / f"{len(self._started)}.log").open("wb") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "dask", *command],
                cwd=self.folder,
                env=given,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        self._started.append(process)
        return process
