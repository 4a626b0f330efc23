"""The stages as DVC reports them; there is no other list."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import networkx
from dvc.repo import Repo
from dvc.stage import PipelineStage, Stage

from flows.processes import Processes
from flows.project import ROOT
from flows.stage import is_passing


class PipelineError(Exception):
    """DVC cannot read the pipeline; the message is DVC's."""


@dataclass(frozen=True)
class PipelineStep:
    """A stage of dvc.yaml.

    Attributes:
        name: as DVC addresses it.
        upstream: names of the stages whose outputs it reads.
        gpu: it says ``meta: {gpu: true}`` in dvc.yaml, and computes on a GPU where there is one.
        frozen: DVC leaves it alone, whatever has changed (``dvc freeze``).
    """

    name: str
    upstream: tuple[str, ...]
    gpu: bool
    frozen: bool


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
            order = networkx.lexicographical_topological_sort(graph.reverse(), key=_place(repo))
            return [_step(stage, graph, root) for stage in order if isinstance(stage, PipelineStage)]
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


def _place(repo: Repo) -> object:
    # Among stages that could come next, the order of dvc.yaml.
    places = {stage: place for place, stage in enumerate(repo.index.stages)}
    return lambda stage: places[stage]


def _step(stage: PipelineStage, graph: "networkx.DiGraph[Stage]", root: Path) -> PipelineStep:
    upstream = [_name(other, root) for other in graph.successors(stage) if isinstance(other, PipelineStage)]
    return PipelineStep(
        name=_name(stage, root),
        upstream=tuple(sorted(upstream)),
        gpu=bool((stage.meta or {}).get("gpu")),
        frozen=bool(stage.frozen),
    )


def _name(stage: PipelineStage, root: Path) -> str:
    # As DVC addresses it from the project's folder, wherever this process was started.
    file = Path(stage.path).relative_to(root.resolve())
    name = str(stage.name)
    return name if file == Path("dvc.yaml") else f"{file.as_posix()}:{name}"
