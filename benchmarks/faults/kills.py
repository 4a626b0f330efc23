"""Kills at random moments: of a stage, of DVC, of both, of a flow, of promotion, prediction and sharing."""

import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from random import Random

import psutil

from benchmarks.faults import pipeline
from benchmarks.faults.case import Campaign, Case, one_line
from benchmarks.faults.pipeline import STAGES, TRAINING, Ended, Reference, working_in
from flows.torn import mend_lock_file
from tests.pipeline.clone import Clone
from wsdkd.serving.store import Store

SIGNALS = (signal.SIGKILL, signal.SIGTERM, signal.SIGINT)
VICTIMS = ("stage", "dvc", "group")
TRIES = 4
PREDICT = ("wsdkd", "predict", "data/scenes/images/test", "--model", "student", "--csv")
TWO_PROCESSES = {"WSDKD_PROCESSES": "2"}

KINDS = ("stage", "stage", "promotion", "stage", "predict", "stage", "push", "two", "stage", "pull")
"""Of ten cases; every twentieth is one of a flow instead."""
FLOW_EVERY = 20
EXCHANGE = 2.5
"""Seconds of a processor that an exchange with a remote takes, about."""


def run(seed: int, numbers: Sequence[int], base: Path) -> Iterator[Case]:
    """Kill something a case, each time in a copy of a pipeline that has run."""
    yield from killed(seed, numbers, base, pipeline.reference())


def killed(seed: int, numbers: Sequence[int], base: Path, whole: Reference) -> Iterator[Case]:
    """As :func:`run`, of a pipeline that has run already."""
    undisturbed: dict[str, dict[str, str]] = {}
    for number in numbers:
        rng = Random(f"{seed}/{number}")  # noqa: S311
        kind = "flow" if number % FLOW_EVERY == FLOW_EVERY - 1 else KINDS[number % len(KINDS)]
        with pipeline.swept(base / f"kill-{number}") as folder:
            attempt = _Attempt(number, rng, whole, whole.copy(folder))
            match kind:
                case "stage":
                    yield attempt.stage(STAGES[number % len(STAGES)])
                case "two":
                    yield attempt.two_processes(
                        TRAINING[number // len(KINDS) % len(TRAINING)], base, undisturbed
                    )
                case "flow":
                    yield attempt.flow()
                case "promotion":
                    yield attempt.promotion()
                case "predict":
                    yield attempt.prediction()
                case _:
                    yield attempt.sharing(kind)


class _Attempt:
    """One kill, and the way back from it.

    Args:
        number: of the case.
        rng: draws the moment, the signal and the victim.
        whole: the pipeline as it ran undisturbed.
        clone: a copy of it.
    """

    def __init__(self, number: int, rng: Random, whole: Reference, clone: Clone):
        self.number, self.rng, self.whole, self.clone = number, rng, whole, clone
        self.signal = rng.choice(SIGNALS)
        self.started = time.perf_counter()
        self.how = ""
        self.told: list[str] = []

    def stage(self, stage: str) -> Case:
        """A stage while DVC runs it."""
        self._kill_repro(stage, {})
        again = self._until_done(["dvc", "repro", "--no-run-cache"], {})
        same = pipeline.recorded(self.clone) == pipeline.recorded(self.whole.clone)
        return self._case(stage, again, same)

    def two_processes(self, stage: str, base: Path, undisturbed: dict[str, dict[str, str]]) -> Case:
        """A training that runs in two processes; the result is that of two that were left alone."""
        if stage not in undisturbed:
            with pipeline.swept(base / f"two-{stage}") as folder:
                alone = self.whole.copy(folder)
                pipeline.run(alone, ["dvc", "repro", "--force", "--single-item", stage], **TWO_PROCESSES)
                undisturbed[stage] = pipeline.outputs(alone, stage)
        self._kill_repro(stage, TWO_PROCESSES)
        command = ["dvc", "repro", "--no-run-cache", "--single-item", stage]
        again = self._until_done(command, TWO_PROCESSES)
        same = pipeline.outputs(self.clone, stage) == undisturbed[stage]
        return self._case(f"{stage}, two processes", again, same)

    def flow(self) -> Case:
        """The flow, with a stage that has to run."""
        command = ["flows.retrain", "--allow-dirty", "--no-push", "--no-promote"]

        def begin() -> subprocess.Popen[str]:
            pipeline.forget_outputs(self.clone, "distill_predictions")
            for path in (self.clone.root / "models/student").glob("*"):
                path.unlink()
            return pipeline.start(self.clone, command)

        self._kill(begin, "flow", 1, 2 * self.whole.seconds["distill_predictions"])
        again = self._until_done(command, {})
        same = pipeline.recorded(self.clone) == pipeline.recorded(self.whole.clone)
        return self._case("flow", again, same)

    def promotion(self) -> Case:
        """The first promotion."""
        command = ["wsdkd", "promoted", "consider"]
        store = Store(self.clone.root / "models/promoted")

        def begin() -> subprocess.Popen[str]:
            shutil.rmtree(store.folder, ignore_errors=True)
            return pipeline.start(self.clone, command)

        self._kill(begin, "command", 0.5, self.whole.seconds["evaluate"])
        again = self._until_done(command, {})
        names = sorted(path.name for path in store.versions.iterdir())
        same = store.ledger().current == 1 and store.damage(1) is None and names == ["0001"]
        return self._case("promotion", again, same)

    def prediction(self) -> Case:
        """``wsdkd predict --csv > file``: what was written till then is no harm to the next try."""
        before = pipeline.ended_children()
        right = pipeline.run(self.clone, PREDICT)
        took = pipeline.ended_children() - before
        path = self.clone.root / "labels.csv"

        def begin() -> subprocess.Popen[str]:
            with path.open("w", encoding="utf-8") as file:
                return pipeline.start(self.clone, PREDICT, stdout=file)

        self._kill(begin, "command", 0.2, took)
        partly = path.read_text(encoding="utf-8")
        again = pipeline.run(self.clone, PREDICT)
        same = again.output == right.output and right.output.startswith(partly.rpartition("\n")[0])
        return self._case("predict --csv > file", (again, 1), same)

    def sharing(self, kind: str) -> Case:
        """``dvc push`` or ``dvc pull``, with a folder as the remote."""
        remote = self.clone.root.parent / "remote"
        pipeline.run(self.clone, ["dvc", "remote", "add", "--default", "there", str(remote)])
        command = ["dvc", kind]
        if kind == "pull":
            pipeline.run(self.clone, ["dvc", "push"])
        lost = ("data", "models", "reports", ".dvc/cache") if kind == "pull" else ("../remote",)

        def begin() -> subprocess.Popen[str]:
            for folder in lost:
                shutil.rmtree(self.clone.root / folder, ignore_errors=True)
            return pipeline.start(self.clone, command)

        self._kill(begin, "command", 0.2, EXCHANGE)
        again = self._until_done(command, {})
        status = pipeline.run(
            self.clone, ["dvc", "status", "--cloud"] if kind == "push" else ["dvc", "status"]
        )
        same = status.status == 0 and ("in sync" in status.output or "up to date" in status.output)
        return self._case(f"dvc {kind}", again, same)

    def _kill_repro(self, stage: str, variables: dict[str, str]) -> None:
        def begin() -> subprocess.Popen[str]:
            pipeline.forget_outputs(self.clone, stage)
            command = ["dvc", "repro", "--force", "--single-item", stage]
            return pipeline.start(self.clone, command, **variables)

        victim = self.rng.choice(VICTIMS)
        module = f"stages.{stage.partition('@')[0]}" if victim == "stage" else None
        self._kill(begin, victim, 0.0 if module else 0.1, self.whole.seconds[stage], module)

    def _kill(
        self,
        begin: Callable[[], subprocess.Popen[str]],
        victim: str,
        least: float,
        most: float,
        module: str | None = None,
    ) -> None:
        """Signal a process while it runs.

        The moment counts in seconds of a processor, so that other work on the machine does not move it. Where
        all had ended before, the command is begun again and the moment comes earlier.

        Args:
            begin: starts the command, in the state in which it has all to do.
            victim: in words; ``group`` is all that the command has started.
            least: of the moment.
            most: of it.
            module: of the process to be signalled among those that the command starts; None is its own.
        """
        for _ in range(TRIES):
            process, after = begin(), self.rng.uniform(least, most)
            chosen = [process.pid] if module is None else _wait_for(self.clone.root, module, process)
            while process.poll() is None and sum(map(pipeline.worked, chosen)) < after:
                time.sleep(0.1)
            hit = process.poll() is None
            if hit:
                self._signal(process, chosen, victim)
            _end(process)
            self.how = f"{self.signal.name} to the {victim}, after {after:.1f} s of a processor"
            if hit:
                return
            most = max(least, most / 2)
        self.how = f"{self.signal.name} to the {victim}, which had ended {TRIES} times before"

    def _signal(self, process: subprocess.Popen[str], chosen: list[int], victim: str) -> None:
        for pid in chosen:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, self.signal) if victim == "group" else os.kill(pid, self.signal)

    def _until_done(self, command: list[str], variables: dict[str, str]) -> tuple[Ended, int]:
        tries = 0
        while tries < TRIES:
            tries += 1
            ended = pipeline.run(self.clone, command, **variables)
            if ended.status == 0:
                break
            said = ended.errors + ended.output
            self.told.append(one_line(said))
            # As docs/reliability.md says: where DVC was killed while it wrote dvc.lock.
            self.told += mend_lock_file(self.clone.root)
            # As the message says: wait for the process that it names.
            pids = [int(pid) for pid in re.findall(r"as process (\d+)", said)]
            for pid in pids:
                _until_gone(pid)
        return ended, tries

    def _case(self, what: str, again: tuple[Ended, int], same: bool) -> Case:
        ended, tries = again
        left = pipeline.leftovers(self.clone)
        if ended.status != 0:
            found = "not recovered"
        elif not same:
            found = "differs"
        elif left:
            found, self.told = "leftovers", left
        else:
            found = "identical" if tries == 1 else "identical at a second try"
        good = found.startswith("identical")
        seconds = round(time.perf_counter() - self.started, 1)
        return Case(self.number, what, self.how, found, good, seconds, 0, " / ".join(self.told[:2]))


def _wait_for(root: Path, module: str, process: subprocess.Popen[str]) -> list[int]:
    """The processes in a folder that run a module, once there are any; none if ``process`` ends before."""
    while process.poll() is None:
        found = []
        for one in working_in(root):
            with suppress(psutil.Error):
                if module in one.cmdline():
                    found.append(one.pid)
        if found:
            return found
        time.sleep(0.1)
    return []


def _until_gone(pid: int) -> None:
    with suppress(psutil.Error):
        psutil.Process(pid).wait(pipeline.MOST_SECONDS)


def _end(process: subprocess.Popen[str]) -> None:
    """Wait for a process that was signalled; what it holds open may outlive it."""
    with suppress(subprocess.TimeoutExpired):
        process.wait(pipeline.MOST_SECONDS)
    if process.stderr is not None:
        process.stderr.close()
    if process.stdout is not None:
        process.stdout.close()


KILLS = Campaign(
    "kills",
    "Kills",
    100,
    run,
    "A stage, DVC, their process group, a flow, a promotion, a prediction or an exchange with a "
    "remote is ended at a random moment by SIGKILL, SIGTERM or SIGINT, and the command is given once "
    "more; moments count in seconds of a processor, as other work on the machine would move "
    "them. Right is: `dvc.lock` and `reports/accuracy.json` are *identical* to the last byte to those "
    "of a run that was left alone (trainings in two processes: the network and its curves), nothing "
    "unfinished lies about, and no hand was needed. Where DVC alone was killed its stage runs on; the "
    "next `dvc repro` then says which process to wait for, and is *identical at a second try*.",
)
