"""The flow ``retrain``: every stage of the pipeline as DVC reports it, then promotion and sharing.

``python -m flows.retrain`` runs it once, against the server that ``PREFECT_API_URL`` names, the one
that ``make serve`` runs, or one of its own that lives as long as the run.
"""

import sys
import threading
from collections.abc import Callable
from contextlib import ExitStack
from types import TracebackType
from typing import Any
from uuid import UUID

import typer
from prefect import flow, get_run_logger
from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import State
from prefect.exceptions import TerminationSignal
from prefect.futures import PrefectFuture
from prefect.runtime import flow_run
from prefect.states import Cancelled, Completed, Failed
from prefect.task_runners import ThreadPoolTaskRunner

from flows import artifacts, commit, gpus, pipeline
from flows.locks import BusyError, drop_dead_locks, project_lock
from flows.options import Retraining, say, with_options
from flows.pipeline import RAN, UNCHANGED, Outcome
from flows.processes import Processes
from flows.server import ServerError, configured_url, require_server, start_server, use_server
from flows.tasks import Run, promote, push, submit_stage, update_imports
from flows.torn import mend_lock_file

MAX_TASKS = 256  # threads; most of them wait for the stages before theirs
POLL_SECONDS = 2.0  # from one question whether the run is to be cancelled to the next


RUNNER: Any = ThreadPoolTaskRunner(max_workers=MAX_TASKS)


@flow(name="retrain", task_runner=RUNNER, persist_result=False)
def retrain(options: Retraining = Retraining()) -> State[Any]:  # noqa: B008
    """Bring the pipeline up to date, promote the student if it is better, and share what was computed."""
    log = get_run_logger()
    name = str(flow_run.name)
    processes = Processes()
    with CancellationWatch(UUID(flow_run.id), processes.stop) as watch:
        try:
            with project_lock(name, 60 * options.wait_minutes, log.info, lambda: watch.cancelled) as lock:
                processes.keep_open(lock)
                state = _retrain(options, processes, name)
        except BusyError as busy:
            state = Cancelled(message=str(busy))
        except (commit.CommitError, pipeline.PipelineError) as error:
            # The message says what to do. Prefect would set it amidst the lines of a traceback.
            state = Failed(message=str(error))
        except BaseException:
            # Before the flow unwinds: Prefect waits for its tasks, and they for these.
            processes.stop()
            if not watch.cancelled:
                raise
        return Cancelled(message="Cancelled; its stages were ended") if watch.cancelled else state


def _retrain(options: Retraining, processes: Processes, run_name: str) -> State[Any]:
    log = get_run_logger()
    start = commit.read_start(options.update)
    log.info("Starts from commit %s of %s.", start.commit, start.branch)
    if options.commit or not options.allow_dirty:
        commit.require_clean(start)
    for mended in [*drop_dead_locks(), *mend_lock_file()]:
        log.warning(mended)
    if options.update:
        update_imports(options.update, processes)
    run = _plan(options, processes)
    outcomes, failures = _run_stages(run, start)
    if failures:
        return Failed(message="; ".join(failures))
    _show(artifacts.show_metrics)
    _show(artifacts.show_report)
    _show(artifacts.show_pictures)
    # Each on its own: a remote that is away keeps no better student from being promoted.
    failures += _push(run)
    failures += _promote(run, run_name, start)
    failures += _commit(options, run_name, start, outcomes)
    if failures:
        return Failed(message="; ".join(failures))
    ran = [name for name, outcome in outcomes.items() if outcome.did != UNCHANGED]
    return Completed(
        message=f"{len(ran)} of {len(outcomes)} stages: {', '.join(ran) or 'nothing had changed'}"
    )


def _plan(options: Retraining, processes: Processes) -> Run:
    steps = pipeline.read_pipeline()
    changed = pipeline.changed_stages(processes, get_run_logger().info)
    return Run(
        options,
        processes,
        threading.Semaphore(options.stages_at_once()),
        gpus.gpu_limit(),
        tuple(steps),
        # Where DVC cannot tell yet, it is asked again at each stage.
        frozenset(step.name for step in steps) if changed is None else frozenset(changed),
    )


def _show(show: Callable[..., None], *arguments: object) -> None:
    # What a page shows must not cost what was computed.
    try:
        show(*arguments)
    except Exception:
        get_run_logger().warning("This could not be shown:", exc_info=True)


def _push(run: Run) -> list[str]:
    if not run.options.push or pipeline.default_remote() is None:
        return []
    state: Any = push(run.processes, return_state=True)
    return [] if state.is_completed() else [_failure("push", state)]


def _promote(run: Run, run_name: str, start: commit.Start) -> list[str]:
    if not run.options.promote:
        return []
    state: Any = promote(run_name, start, run, return_state=True)
    if not state.is_completed():
        return [_failure("promote", state)]
    _show(artifacts.show_promotion, state.result())
    return []


def _commit(
    options: Retraining, run_name: str, start: commit.Start, outcomes: dict[str, Outcome]
) -> list[str]:
    if not options.commit:
        return []
    try:
        branch = commit.branch_of(run_name)
        made = commit.commit_run(start, branch, _message(run_name, start, outcomes), options.update)
    except commit.CommitError as error:
        return [str(error)]
    get_run_logger().info("Committed %s on branch %s.", made[:10], branch)
    return []


def _failure(name: str, state: State[Any]) -> str:
    first = (state.message or "").strip().splitlines() or [""]
    return f"{name}: {state.name}. {first[0]}"


def _run_stages(run: Run, start: commit.Start) -> tuple[dict[str, Outcome], list[str]]:
    """What became of the stages that came to their end, and why others did not."""
    futures: dict[str, PrefectFuture[Outcome]] = {}
    for step in run.steps:
        futures[step.name] = submit_stage(step, run, [futures[name] for name in step.upstream])
    outcomes: dict[str, Outcome] = {}
    rows, failures = [], []
    for name, future in futures.items():
        future.wait()
        state = future.state
        if state.is_completed():
            outcomes[name] = future.result()
        else:
            failures.append(_failure(name, state))
        rows.append(artifacts.stage_row(name, state, outcomes.get(name)))
    _show(artifacts.show_stages, rows, f"Started from commit {start.commit} ({start.branch})")
    return outcomes, failures


def _message(run_name: str, start: commit.Start, outcomes: dict[str, Outcome]) -> str:
    ran = [name for name, outcome in outcomes.items() if outcome.did == RAN]
    what = f"ran {', '.join(ran)}" if ran else "ran no stage"
    return f"Retrain {run_name}\n\nStarted from {start.commit}; {what}."


class CancellationWatch:
    """Asks the server, while it is entered, whether the run is to be cancelled.

    Prefect itself cancels runs that a server of deployments or a worker has started. One that was
    started by hand would learn of it at its next task, hours later perhaps.

    Args:
        flow_run_id: of the run.
        cancel: called once, in a thread.
    """

    def __init__(self, flow_run_id: UUID, cancel: Callable[[], None]) -> None:
        self._id = flow_run_id
        self._cancel = cancel
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self.cancelled = False

    def __enter__(self) -> "CancellationWatch":
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._done.set()
        self._thread.join()

    def _watch(self) -> None:
        with get_client(sync_client=True) as client:
            while not self._done.wait(POLL_SECONDS):
                try:
                    state = client.read_flow_run(self._id).state
                except Exception:  # noqa: S112
                    continue  # a server that is away for a while is no reason to stop a training
                if state is not None and (state.is_cancelling() or state.is_cancelled()):
                    self.cancelled = True
                    self._cancel()
                    return


@with_options
def main(chosen: Retraining) -> None:
    """Run the flow once; status 1 when a stage failed or no server can be had, 2 when it was cancelled."""
    sys.exit(run_once(chosen))


def run_once(chosen: Retraining) -> int:
    """Run the flow in this process; the exit status that tells how it went."""
    try:
        with ExitStack() as stack:
            url = configured_url()
            if url is None:
                # Before the server: two of them on the project's database would lock each other out.
                stack.enter_context(project_lock("by hand", 60 * chosen.wait_minutes, say))
                say("Starting a Prefect server for this run.")
                # One may have been started while this run waited.
                url = configured_url() or start_server()
            require_server(url)
            use_server(url)
            state = retrain(chosen, return_state=True)
    except (BusyError, ServerError) as error:
        say(f"error: {error}")
        return 2 if isinstance(error, BusyError) else 1
    except KeyboardInterrupt:
        return 130
    except TerminationSignal as signalled:
        return 128 + signalled.signal
    say(f"{state.name}: {state.message}")
    return 0 if state.is_completed() else 2 if state.is_cancelled() else 1


if __name__ == "__main__":
    typer.run(main)
