"""The tasks of the flow: one for each stage, and those before and after them."""

import json
import sys
import threading
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import Any

from prefect import get_run_logger, task
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State
from prefect.futures import PrefectFuture
from prefect.states import Completed

from flows.commit import Start
from flows.gpus import gpus_of_this_machine
from flows.options import Retraining
from flows.pipeline import (
    UNCHANGED,
    DvcError,
    DvcHinderedError,
    Outcome,
    PipelineStep,
    repro_command,
    run_dvc,
    run_stage,
)
from flows.processes import Processes

RETRY_DELAYS = [5.0, 20.0, 60.0]


@dataclass(frozen=True)
class Run:
    """What the tasks of one flow run share.

    Attributes:
        options: of the run.
        processes: that it starts.
        turns: one for each stage that may run at the same time.
        gpu_limit: the Prefect limit of this machine's GPUs, if it has any.
        steps: the stages, in an order in which they can run.
        changed: stages that DVC found changed when the run began.
    """

    options: Retraining
    processes: Processes
    turns: threading.Semaphore
    gpu_limit: str | None
    steps: tuple[PipelineStep, ...]
    changed: frozenset[str]


def is_worth_retrying(_task: object, _run: object, state: State[Any]) -> bool:
    """Whether a lock or a remote was in the way; what a stage itself fails by, it would fail by again."""
    return isinstance(state.result(raise_on_failure=False), DvcHinderedError)


BY_DVC: dict[str, Any] = {
    "retries": len(RETRY_DELAYS),
    "retry_delay_seconds": RETRY_DELAYS,
    "retry_condition_fn": is_worth_retrying,
    # DVC decides what is up to date.
    "cache_policy": NO_CACHE,
    "persist_result": False,
}


def submit_stage(
    step: PipelineStep, run: Run, upstream: list[PrefectFuture[Outcome]]
) -> PrefectFuture[Outcome]:
    """Start the task of a stage, which waits for those upstream and is not run where one of them failed."""

    def stage(before: list[Outcome]) -> State[Outcome]:
        outcome = bring_up_to_date(step, run, before, get_run_logger().info)
        message = f"{outcome.seconds:.1f} s; by hand: {outcome.command}"
        if step.frozen:
            message += "; frozen: what it depends on was not looked at"
        return Completed(name=outcome.did, message=message, data=outcome)

    # Prefect puts results in the place of futures, which its types do not say.
    one: Any = task(name=step.name, task_run_name=step.name, **BY_DVC)(stage)
    future: PrefectFuture[Outcome] = one.submit(upstream)
    return future


def bring_up_to_date(
    step: PipelineStep, run: Run, before: list[Outcome], log: Callable[[str], None]
) -> Outcome:
    """Run a stage through DVC, unless DVC has already said that there is nothing to do.

    That was when the flow run began. What it reads may be new since, and its code, which the stage ``code``
    may have written down anew; DVC is asked again then.

    Args:
        step: the stage.
        run: what tasks share.
        before: what became of the stages that it waited for.
        log: takes a line.

    Raises:
        DvcHinderedError, DvcError: with the last lines that were printed.
        StoppedError: the flow run is ending.
    """
    renewed = frozenset[str]().union(*(each.renewed for each in before))
    if step.name not in run.changed and not step.reads & renewed:
        command = " ".join(repro_command(step.name, run.options.pull))
        return Outcome(step.name, UNCHANGED, 0.0, command, renewed)
    with ExitStack() as held:
        if step.gpu:
            held.enter_context(gpus_of_this_machine(run.gpu_limit, run.processes, log))
        held.enter_context(run.turns)
        outcome = run_stage(step.name, run.options.pull, run.processes, log)
    return replace(outcome, renewed=renewed if outcome.did == UNCHANGED else renewed | {step.name})


@task(name="update", task_run_name="update", **BY_DVC)
def update_imports(paths: Sequence[str], processes: Processes) -> None:
    """Fetch what has changed at the source of imported data."""
    run_dvc(["dvc", "--wait-for-lock", "update", *paths], processes, get_run_logger().info)


@task(name="push", task_run_name="push", **BY_DVC)
def push(processes: Processes) -> None:
    """Upload to the default remote what it does not have."""
    run_dvc(["dvc", "--wait-for-lock", "push"], processes, get_run_logger().info)


@task(name="promote", task_run_name="promote", cache_policy=NO_CACHE, persist_result=False)
def promote(run_name: str, start: Start, run: Run) -> State[dict[str, Any]]:
    """Let the student take the promoted one's place if it is better, and say why or why not."""
    command = [sys.executable, "-m", "wsdkd", "promoted", "consider", "--json"]
    command += ["--run", run_name, "--commit", start.commit]
    for path in start.modified:
        command += ["--dirty", path]
    log = get_run_logger().info
    with gpus_of_this_machine(run.gpu_limit, run.processes, log):
        ended = run.processes.run(command, log, keep_output=True)
    if ended.status:
        raise DvcError(
            f"wsdkd promoted consider ended with status {ended.status}:\n" + "\n".join(ended.last_lines)
        )
    decision = json.loads(ended.output)
    return Completed(
        name=decision["decision"].capitalize(), message=" ".join(decision["reasons"]), data=decision
    )
