"""The pipeline as DVC has it: its stages, of which there is no other list, and how one of them is run."""

import json
import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import networkx
from dvc.config import Config
from dvc.repo import Repo
from dvc.stage import PipelineStage, Stage

from flows.processes import Processes
from flows.project import ROOT

RAN, RESTORED, PULLED, UNCHANGED = "Ran", "Restored", "Pulled", "Unchanged"

# How DVC says what it does, and what went wrong.
_DID = (
    (re.compile(r"^Running stage '"), RAN),
    (re.compile(r"^Stage '.*' is cached - skipping run"), RESTORED),
    (re.compile(r"^Pulling data for "), PULLED),
)
_COMMAND_FAILED = re.compile(r"^ERROR: failed to reproduce .*failed to run: ")
_PASSING = re.compile(
    r"^ERROR: .*("
    r"is busy, it is being blocked by|Unable to acquire lock|Another DVC process"  # another DVC
    r"|failed to (pull|push|fetch|download|upload)|Could not connect|Connection|timed? ?out"  # the remote
    r"|Temporary failure|Network is unreachable|SlowDown|50[0234]"
    r")",
    re.IGNORECASE,
)


class PipelineError(Exception):
    """DVC cannot read the pipeline; the message is DVC's."""


class DvcError(Exception):
    """A command of DVC failed, for a reason that another try would meet again."""


class DvcHinderedError(DvcError):
    """A command of DVC failed for a lock or a remote, and may succeed the next time."""


@dataclass(frozen=True)
class PipelineStep:
    """A stage of dvc.yaml.

    Attributes:
        name: as DVC addresses it.
        reads: names of the stages whose outputs it reads.
        upstream: of these, the ones that it has to wait for: the others stand before one of them.
        gpu: it says ``meta: {gpu: true}`` in dvc.yaml, and computes on a GPU where there is one.
        frozen: DVC leaves it alone, whatever has changed (``dvc freeze``).
    """

    name: str
    reads: frozenset[str]
    upstream: tuple[str, ...]
    gpu: bool
    frozen: bool


@dataclass(frozen=True)
class Outcome:
    """What became of a stage.

    Attributes:
        name: of the stage.
        did: ``RAN``, ``RESTORED`` (from DVC's cache), ``PULLED`` (from the remote) or ``UNCHANGED``.
        seconds: that it took, waiting for its turn left out.
        command: repeats it by hand.
        renewed: names of the stages, it and all before it, that were not left as they were.
    """

    name: str
    did: str
    seconds: float
    command: str
    renewed: frozenset[str] = frozenset()


def read_pipeline(root: Path = ROOT) -> list[PipelineStep]:
    """All stages, each after those it depends on.

    A folder that DVC tracks by a file of its own (``dvc add``, ``dvc import``) is no stage here:
    there is nothing to run.

    Raises:
        PipelineError: dvc.yaml or a parameter that it names is wrong.
    """
    from dvc.exceptions import DvcException

    try:
        with Repo(str(root)) as repo:
            # Edges run from a stage to those it depends on.
            graph: networkx.DiGraph[Stage] = repo.index.graph
            direct = networkx.transitive_reduction(graph)
            order = networkx.lexicographical_topological_sort(graph.reverse(), key=_place(repo))
            return [_step(stage, graph, direct, root) for stage in order if isinstance(stage, PipelineStage)]
    except DvcException as error:
        cause = f": {error.__cause__}" if error.__cause__ else ""
        raise PipelineError(f"dvc: {error}{cause}") from None


def changed_stages(processes: Processes, log: Callable[[str], None]) -> set[str] | None:
    """Stages whose own dependencies, parameters, command or outputs differ from those of their last run.

    Returns:
        Their names; None where another DVC holds a lock, and ``dvc status`` cannot tell.

    Raises:
        PipelineError: ``dvc status`` failed for another reason.
        StoppedError: the flow run is ending.
    """
    ended = processes.run(["dvc", "status", "--json"], log, keep_output=True)
    if ended.status == 0:
        return set(json.loads(ended.output))
    if is_passing(ended.last_lines):
        return None
    raise PipelineError("dvc status: " + "\n".join(ended.last_lines))


def default_remote() -> str | None:
    """Name of DVC's default remote, or None where there is none."""
    name = Config(str(ROOT / ".dvc"))["core"].get("remote")
    return str(name) if name else None


def repro_command(name: str, pull: bool) -> list[str]:
    """What runs one stage; a remote is asked for what is missing if ``pull``."""
    return ["dvc", "--wait-for-lock", "repro", "--single-item", *(["--pull"] if pull else []), name]


def run_stage(name: str, pull: bool, processes: Processes, log: Callable[[str], None]) -> Outcome:
    """Let DVC bring one stage up to date.

    Raises:
        DvcHinderedError, DvcError: with the last lines that were printed.
        StoppedError: the flow run is ending.
    """
    command = repro_command(name, pull)
    did = UNCHANGED

    def note(line: str) -> None:
        nonlocal did
        did = next((found for pattern, found in _DID if pattern.match(line)), did)
        log(line)

    started = time.monotonic()
    run_dvc(command, processes, note)
    return Outcome(name, did, time.monotonic() - started, " ".join(command))


def run_dvc(command: Sequence[str], processes: Processes, log: Callable[[str], None]) -> None:
    """Run a command of DVC.

    Raises:
        DvcHinderedError, DvcError: with the last lines that were printed.
        StoppedError: the flow run is ending.
    """
    ended = processes.run(command, log)
    if ended.status:
        kind = DvcHinderedError if is_passing(ended.last_lines) else DvcError
        raise kind(f"{' '.join(command)} ended with status {ended.status}:\n" + "\n".join(ended.last_lines))


def is_passing(lines: Sequence[str]) -> bool:
    """Whether DVC's errors among ``lines`` are those of a lock or a remote, not of a stage's command."""
    errors = [line for line in lines if line.startswith("ERROR: ")]
    if any(_COMMAND_FAILED.match(line) for line in errors):
        return False
    return any(_PASSING.match(line) for line in errors)


def _place(repo: Repo) -> object:
    # Among stages that could come next, the order of dvc.yaml.
    places = {stage: place for place, stage in enumerate(repo.index.stages)}
    return lambda stage: places[stage]


def _step(
    stage: PipelineStage, graph: "networkx.DiGraph[Stage]", direct: "networkx.DiGraph[Stage]", root: Path
) -> PipelineStep:
    reads, upstream = (
        [_name(other, root) for other in each.successors(stage) if isinstance(other, PipelineStage)]
        for each in (graph, direct)
    )
    return PipelineStep(
        name=_name(stage, root),
        reads=frozenset(reads),
        upstream=tuple(sorted(upstream)),
        gpu=bool((stage.meta or {}).get("gpu")),
        frozen=bool(stage.frozen),
    )


def _name(stage: PipelineStage, root: Path) -> str:
    # As DVC addresses it from the project's folder, wherever this process was started.
    file = Path(stage.path).relative_to(root.resolve())
    name = str(stage.name)
    return name if file == Path("dvc.yaml") else f"{file.as_posix()}:{name}"
