"""Two of everything at the same time: runs, promotions, rollbacks, predictions, schedules, readers."""

import socket
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from benchmarks.faults import pipeline
from benchmarks.faults.case import Campaign, Case, one_line
from benchmarks.faults.pipeline import Ended, Reference
from tests.pipeline.clone import Clone
from wsdkd.serving.store import Store

REPRO = ("dvc", "repro", "--force", "--single-item", "distill_predictions")
CONSIDER = ("wsdkd", "promoted", "consider")
PREDICT = ("wsdkd", "predict", "data/scenes/images/test", "--model", "student", "--to", "labels.csv")

Right = tuple[bool, str]
"""Whether a pair ended as it should, and what was said."""


def run(seed: int, numbers: Sequence[int], base: Path) -> Iterator[Case]:
    """Run pairs of commands, each in a copy of a pipeline that has run."""
    yield from pairs(seed, numbers, base, pipeline.reference())


def pairs(seed: int, numbers: Sequence[int], base: Path, whole: Reference) -> Iterator[Case]:  # noqa: ARG001
    """As :func:`run`, of a pipeline that has run already."""
    for number in numbers:
        what = list(PAIRS)[number % len(PAIRS)]
        started = time.perf_counter()
        with pipeline.swept(base / f"two-{number}") as folder:
            good, said = PAIRS[what](whole.copy(folder), whole)
        seconds = round(time.perf_counter() - started, 1)
        yield Case(number, what, "at once", "right" if good else "wrong", good, seconds, 0, said)


def _at_once(clone: Clone, *commands: Sequence[str], apart: float = 0.0) -> list[Ended]:
    """Start all commands, ``apart`` seconds after each other, and wait for all."""
    started = time.perf_counter()
    processes = []
    for command in commands:
        processes.append(pipeline.start(clone, command))
        time.sleep(apart)
    ended = []
    for process in processes:
        output, errors = process.communicate(timeout=pipeline.MOST_SECONDS)
        ended.append(Ended(process.returncode, output, errors, time.perf_counter() - started))
    return ended


def _said(ended: Sequence[Ended]) -> str:
    return " | ".join(one_line(each.errors + each.output, 150) for each in ended if each.status != 0)


def _no_traceback(ended: Sequence[Ended]) -> bool:
    return not any("Traceback" in each.errors for each in ended)


def _runs(clone: Clone, whole: Reference) -> Right:
    """One runs and the other is refused, or both run one after the other."""
    ended = _at_once(clone, REPRO, REPRO)
    again = pipeline.run(clone, ("dvc", "repro"))
    same = pipeline.recorded(clone) == pipeline.recorded(whole.clone)
    one_ran = any(each.status == 0 for each in ended)
    return one_ran and again.status == 0 and same and _no_traceback(ended), _said(ended)


def _stages(clone: Clone, whole: Reference) -> Right:
    """A stage that somebody starts by hand while DVC runs it."""
    ended = _at_once(clone, ("stages.distill_predictions",), ("stages.distill_predictions",), apart=0.2)
    refused = [each for each in ended if each.status != 0]
    told = len(refused) == 1 and pipeline.is_told(refused[0]) and "already runs" in refused[0].errors
    stage = "distill_predictions"
    same = pipeline.outputs(clone, stage) == pipeline.outputs(whole.clone, stage)
    return told and same, _said(ended)


def _promotions(clone: Clone, _: Reference) -> Right:
    """One is promoted, and the other finds that it is."""
    ended = _at_once(clone, CONSIDER, CONSIDER)
    store = Store(clone.root / "models/promoted")
    right = all(each.status == 0 for each in ended) and store.ledger().versions == (1,)
    return right and store.damage(1) is None, _said(ended)


def _rollbacks(clone: Clone, _: Reference) -> Right:
    """Both want to go back from version 2: one does, and the other has nowhere to go."""
    for model in ("models/student", "models/baseline"):
        pipeline.run(clone, (*CONSIDER, "--force", "--model", model))
    ended = _at_once(clone, ("wsdkd", "promoted", "rollback"), ("wsdkd", "promoted", "rollback"))
    store = Store(clone.root / "models/promoted")
    events = [event.event for event in store.ledger().events]
    refused = [each for each in ended if each.status != 0]
    right = store.ledger().current == 1 and events == ["promoted", "promoted", "rolled back"]
    return right and len(refused) == 1 and pipeline.is_told(refused[0]), _said(ended)


def _predictions(clone: Clone, _: Reference) -> Right:
    """Both write the same file: it is whole."""
    alone = pipeline.run(clone, PREDICT)
    right = (clone.root / "labels.csv").read_bytes()
    ended = _at_once(clone, PREDICT, PREDICT)
    same = (clone.root / "labels.csv").read_bytes() == right
    return alone.status == 0 and same and _no_traceback(ended) and any(e.status == 0 for e in ended), _said(
        ended
    )


def _predict_while_promoted(clone: Clone, _: Reference) -> Right:
    """A prediction sees one student or the other, never half of each."""
    pipeline.run(clone, CONSIDER)
    predict = ("wsdkd", "predict", "data/scenes/images/test", "--csv")
    first = pipeline.run(clone, predict).output
    force = (*CONSIDER, "--force", "--model", "models/baseline")
    ended = _at_once(clone, predict, force, predict, apart=0.5)
    second = pipeline.run(clone, predict).output
    right = all(each.status == 0 for each in ended)
    return right and {ended[0].output, ended[2].output} <= {first, second}, _said(ended)


def _keep_twice(clone: Clone, _: Reference) -> Right:
    """Shards are kept once, and the cache is whole."""
    keep = ("wsdkd", "cache", "keep")
    ended = _at_once(clone, keep, keep)
    whole = pipeline.run(clone, ("wsdkd", "cache", "verify"))
    return any(e.status == 0 for e in ended) and _no_traceback(ended) and whole.status == 0, _said(ended)


def _verify_while_writing(clone: Clone, whole: Reference) -> Right:
    """Who verifies sees the old cache whole, or the new one."""
    write = ("stages.cache_teacher",)
    verify = ("wsdkd", "cache", "verify")
    _forget(clone)
    ended = _at_once(clone, write, verify, verify, verify, apart=0.7)
    same = pipeline.outputs(clone, "cache_teacher") == pipeline.outputs(whole.clone, "cache_teacher")
    return all(each.status == 0 for each in ended) and same, _said(ended)


def _forget(clone: Clone) -> None:
    """So that the stage computes its shards, and takes its time."""
    for path in (clone.root / "data/.resume/cache_teacher").rglob("*"):
        if path.is_file():
            path.unlink()


def _schedules(clone: Clone, _: Reference) -> Right:
    """The second is refused, as two servers on one database would lock each other out."""
    serve = ("flows.schedule", "--server", "--cron", "0 2 * * *", "--port", str(_free_port()))
    first = pipeline.start(clone, serve)
    log = clone.root / ".prefect/server.log"
    while first.poll() is None and not log.exists():
        time.sleep(0.2)
    second = pipeline.run(clone, serve)
    alive = first.poll() is None
    first.terminate()
    first.communicate(timeout=pipeline.MOST_SECONDS)
    return alive and pipeline.is_told(second), _said([second])


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
        return port


PAIRS: Mapping[str, Callable[[Clone, Reference], Right]] = {
    "dvc repro": _runs,
    "a stage by hand": _stages,
    "promotions": _promotions,
    "rollbacks": _rollbacks,
    "predictions into one file": _predictions,
    "a prediction during promotions": _predict_while_promoted,
    "wsdkd cache keep": _keep_twice,
    "wsdkd cache verify during cache_teacher": _verify_while_writing,
    "schedules": _schedules,
}

TWO = Campaign(
    "two",
    "Two of everything",
    3 * len(PAIRS),
    run,
    "Two of a command are started at the same time in a copy of a finished pipeline, three times "
    "each: runs, a stage by hand, promotions, rollbacks, predictions into one file and during "
    "promotions, `cache keep`, `cache verify` while the cache is written, schedules with a server. "
    "Right is: one waits for the other or is refused in a line, nobody sees a traceback or half of "
    "anything, and what lies there afterwards is what one after the other would have left.",
)
