"""When a flow asks DVC about a stage, and when it knows already that there is nothing to do."""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from flows.options import Retraining
from flows.pipeline import RAN, UNCHANGED, Outcome, PipelineStep
from flows.processes import Ended
from flows.tasks import Run, bring_up_to_date


@dataclass
class Dvc:
    """Stands in for a flow's processes: DVC runs the stages it is said to, and finds others unchanged."""

    runs: set[str]
    asked: list[str] = field(default_factory=list)

    def run(self, command: Sequence[str], log: Callable[[str], None]) -> Ended:
        stage = command[-1]
        self.asked.append(stage)
        log(f"Running stage '{stage}':" if stage in self.runs else f"Stage '{stage}' didn't change, skipping")
        return Ended(0, "", ())


def _step(name: str, upstream: str, *reads: str) -> PipelineStep:
    return PipelineStep(name, frozenset(reads), (upstream,) if upstream else (), gpu=False, frozen=False)


STEPS = [
    _step("code", ""),
    _step("prepare", "code", "code"),
    _step("propose", "prepare", "code", "prepare"),
    _step("train", "propose", "code", "propose"),
    _step("evaluate", "train", "code", "prepare", "train"),
]


def _flow(changed: set[str], runs: set[str]) -> tuple[list[str], dict[str, Outcome]]:
    """The stages that DVC was asked about, and what became of all of them."""
    dvc: Any = Dvc(runs)
    run = Run(Retraining(), dvc, threading.Semaphore(1), None, tuple(STEPS), frozenset(changed))
    outcomes: dict[str, Outcome] = {}
    for step in STEPS:
        before = [outcomes[name] for name in step.upstream]
        outcomes[step.name] = bring_up_to_date(step, run, before, lambda _: None)
    return dvc.asked, outcomes


ALL = [step.name for step in STEPS]


@pytest.mark.parametrize(
    ("changed", "runs", "asked"),
    [
        (set(), set(), []),
        # A comment: every stage reads what code wrote, and DVC finds it the same.
        ({"code"}, {"code"}, ALL),
        ({"code"}, {"code", "train"}, ALL),
        # DVC found a change that is none any more.
        ({"prepare"}, set(), ["prepare"]),
        ({"propose"}, {"propose"}, ["propose", "train"]),
        # A moved box: nothing between the first and the last stage has changed.
        ({"prepare"}, {"prepare"}, ["prepare", "propose", "evaluate"]),
        ({"prepare"}, {"prepare", "evaluate"}, ["prepare", "propose", "evaluate"]),
        ({"evaluate"}, {"evaluate"}, ["evaluate"]),
    ],
)
def test_dvc_is_asked_where_something_may_have_changed(
    changed: set[str], runs: set[str], asked: list[str]
) -> None:
    found, outcomes = _flow(changed, runs)
    assert found == asked
    assert {name for name, outcome in outcomes.items() if outcome.did == RAN} == runs
    assert {outcome.did for outcome in outcomes.values()} <= {RAN, UNCHANGED}
