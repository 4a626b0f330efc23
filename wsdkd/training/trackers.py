"""Where else the curves of a training go: TensorBoard and MLflow, for whoever watches many runs there.

``tracking.trackers`` names them. No result depends on it, so no stage of dvc.yaml does, and to set it reruns
nothing.
"""

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from importlib.util import find_spec
from pathlib import Path

from wsdkd import project
from wsdkd.ground.errors import UserError
from wsdkd.settings.sections import PARAMS_FILE
from wsdkd.training.params import Tracker

PACKAGES: dict[Tracker, str] = {"tensorboard": "tensorboard", "mlflow": "mlflow-skinny"}
"""What to install for each; the module has the tracker's name."""

Log = Callable[[str, float, int], object]
"""Takes the name of a metric, its value and the step."""


def absent(trackers: Sequence[Tracker]) -> list[str]:
    """What to say of those that are not installed, a line each."""
    return [
        f"tracking.trackers: {name} is not installed; run: pip install {PACKAGES[name]}"
        for name in trackers
        if find_spec(name) is None
    ]


@contextmanager
def open_trackers(trackers: Sequence[Tracker], run: str) -> Iterator[list[Log]]:
    """Begin a run with each tracker; it ends with the context.

    Args:
        trackers: one that is named twice is told once.
        run: its name there.

    Raises:
        UserError: one is not installed.
    """
    for line in absent(trackers):
        raise UserError(f"{PARAMS_FILE}: {line}")
    with ExitStack() as stack:
        yield [stack.enter_context(TRACKERS[name](run)) for name in dict.fromkeys(trackers)]


@contextmanager
def _tensorboard(run: str) -> Iterator[Log]:
    from torch.utils.tensorboard import SummaryWriter

    with SummaryWriter(str(project.TENSORBOARD / run)) as writer:
        yield writer.add_scalar


@contextmanager
def _mlflow(run: str) -> Iterator[Log]:
    import mlflow

    if "MLFLOW_TRACKING_URI" not in os.environ:
        project.MLFLOW.parent.mkdir(exist_ok=True)
        mlflow.set_tracking_uri(f"sqlite:///{project.MLFLOW.absolute()}")
    if "MLFLOW_EXPERIMENT_NAME" not in os.environ:
        mlflow.set_experiment(Path.cwd().name)
    with mlflow.start_run(run_name=run):
        yield lambda name, value, step: mlflow.log_metric(name, value, step=step)


TRACKERS: dict[Tracker, Callable[[str], AbstractContextManager[Log]]] = {
    "tensorboard": _tensorboard,
    "mlflow": _mlflow,
}
