"""Kills at random moments: of a stage, of DVC, of both, of a flow, of promotion, prediction and sharing."""

import os
import re
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
        for path in (self.clone.root / "models/student").glob("*"):
            path.unlink()
        process = pipeline.start(self.clone, command)
        self._kill(process, self.rng.uniform(1, 3 * self.whole.seconds["distill_predictions"]), "flow")
        again = self._until_done(command, {})
        same = pipeline.recorded(self.clone) == pipeline.recorded(self.whole.clone)
        return self._case("flow", again, same)

    def promotion(self) -> Case:
        """The first promotion."""
        command = ["wsdkd", "promoted", "consider"]
        process = pipeline.start(self.clone, command)
        self._kill(process, self.rng.uniform(0.5, self.whole.seconds["evaluate"]), "command")
        again = self._until_done(command, {})
        store = Store(self.clone.root / "models/promoted")
        names = sorted(path.name for path in store.versions.iterdir())
        same = store.ledger().current == 1 and store.damage(1) is None and names == ["0001"]
        return self._case("promotion", again, same)

    def prediction(self) -> Case:
        """``wsdkd predict --csv > file``: what was written till then is no harm to the next try."""
        right = pipeline.run(self.clone, PREDICT)
        path = self.clone.root / "labels.csv"
        with path.open("w", encoding="utf-8") as file:
            process = pipeline.start(self.clone, PREDICT, stdout=file)
            self._kill(process, self.rng.uniform(0.2, right.seconds), "command")
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
            for folder in ("data", "models", "reports", ".dvc/cache"):
                subprocess.run(["rm", "-rf", str(self.clone.root / folder)], check=True)  # noqa: S607
        process = pipeline.start(self.clone, command)
        self._kill(process, self.rng.uniform(0.2, 6), "command")
        again = self._until_done(command, {})
        status = pipeline.run(
            self.clone, ["dvc", "status", "--cloud"] if kind == "push" else ["dvc", "status"]
        )
        same = status.status == 0 and ("in sync" in status.output or "up to date" in status.output)
        return self._case(f"dvc {kind}", again, same)

    def _kill_repro(self, stage: str, variables: dict[str, str]) -> None:
        pipeline.forget_outputs(self.clone, stage)
        process = pipeline.start(self.clone, ["dvc", "repro", "--force", "--single-item", stage], **variables)
        victim = self.rng.choice(VICTIMS)
        most = self.whole.seconds[stage]
        if victim == "stage":
            self._kill_stage(process, stage, self.rng.uniform(0, most))
        else:
            self._kill(process, self.rng.uniform(0.1, most), victim)

    def _kill_stage(self, process: subprocess.Popen[str], stage: str, after: float) -> None:
        name = f"stages.{stage.partition('@')[0]}"
        found = _wait_for(lambda: _running(self.clone.root, name), process)
        _sleep(after, process)
        self.how = f"{self.signal.name} to the stage, {after:.1f} s after its start"
        for one in found or []:
            with suppress(psutil.Error):
                one.send_signal(self.signal)
        _end(process)

    def _kill(self, process: subprocess.Popen[str], after: float, victim: str) -> None:
        _sleep(after, process)
        self.how = f"{self.signal.name} to the {victim}, after {after:.1f} s"
        with suppress(ProcessLookupError):
            os.killpg(process.pid, self.signal) if victim == "group" else process.send_signal(self.signal)
        _end(process)

    def _until_done(self, command: list[str], variables: dict[str, str]) -> tuple[Ended, int]:
        tries = 0
        while tries < TRIES:
            tries += 1
            ended = pipeline.run(self.clone, command, **variables)
            if ended.status == 0:
                break
            said = ended.errors + ended.output
            self.told.append(one_line(said))
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


def _running(root: Path, name: str) -> list[psutil.Process]:
    found = []
    for process in working_in(root):
        with suppress(psutil.Error):
            if name in process.cmdline():
                found.append(process)
    return found


def _wait_for(
    found: Callable[[], list[psutil.Process]], process: subprocess.Popen[str]
) -> list[psutil.Process]:
    while process.poll() is None:
        if there := found():
            return there
        time.sleep(0.05)
    return []


def _sleep(seconds: float, process: subprocess.Popen[str]) -> None:
    until = time.monotonic() + seconds
    while time.monotonic() < until and process.poll() is None:
        time.sleep(0.02)


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
    "more. Right is: `dvc.lock` and `reports/accuracy.json` are *identical* to the last byte to those "
    "of a run that was left alone (trainings in two processes: the network and its curves), nothing "
    "unfinished lies about, and no hand was needed. Where DVC alone was killed its stage runs on; the "
    "next `dvc repro` then says which process to wait for, and is *identical at a second try*.",
)
