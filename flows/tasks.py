"""The tasks of the flow: one for each stage, and those before and after them."""

import json
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

import httpx
from prefect import get_run_logger, task
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State
from prefect.concurrency.asyncio import ConcurrencySlotAcquisitionError
from prefect.concurrency.sync import concurrency
from prefect.futures import PrefectFuture
from prefect.states import Completed

from flows.commit import Start
from flows.options import Retraining
from flows.pipeline import PipelineStep
from flows.processes import Processes, StoppedError
from flows.stage import UNCHANGED, DvcError, DvcHinderedError, Outcome, repro_command, run_dvc, run_stage

RETRY_DELAYS = [5.0, 20.0, 60.0]
WAIT_SECONDS = 3.0  # for the GPUs, before they are asked for again
LEASE_SECONDS = 60.0  # a killed flow gives the GPUs back after this


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

    Raises:
        DvcHinderedError, DvcError: with the last lines that were printed.
        StoppedError: the flow run is ending.
    """
    if step.name not in run.changed and all(each.did == UNCHANGED for each in before):
        command = " ".join(repro_command(step.name, run.options.pull))
        return Outcome(step.name, UNCHANGED, 0.0, command)
    with ExitStack() as held:
        if step.gpu:
            held.enter_context(gpus_of_this_machine(run.gpu_limit, run.processes, log))
        held.enter_context(run.turns)
        return run_stage(step.name, run.options.pull, run.processes, log)


@contextmanager
def gpus_of_this_machine(
    limit: str | None, processes: Processes, log: Callable[[str], None]
) -> Iterator[None]:
    """Hold the machine's GPUs, where it has any.

    Raises:
        StoppedError: the flow run is ending.
    """
    with ExitStack() as held:
        waiting = False
        while limit is not None:
            try:
                held.enter_context(
                    concurrency(
                        limit,
                        # One question at a time, to its answer. Prefect's timeout would cut one off that the
                        # server then says yes to, and the GPUs were nobody's until that lease ran out.
                        max_retries=0,
                        lease_duration=LEASE_SECONDS,
                        strict=True,
                        # A server that is away for a while must not cost the training.
                        raise_on_lease_renewal_failure=False,
                    )
                )
                break
            except ConcurrencySlotAcquisitionError as error:
                if not _is_taken(error):
                    raise
            if not waiting:
                log(f"Waiting for {limit}: another stage computes on this machine's GPUs.")
            waiting = True
            time.sleep(WAIT_SECONDS)
            if processes.stopped:
                raise StoppedError(f"{limit}: no longer waited for, as the flow run is ending")
        yield


def _is_taken(error: ConcurrencySlotAcquisitionError) -> bool:
    cause = error.__cause__
    return isinstance(cause, httpx.HTTPStatusError) and cause.response.status_code == httpx.codes.LOCKED


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
