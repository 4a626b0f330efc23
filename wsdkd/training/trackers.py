"""Where else the curves of a training go: TensorBoard and MLflow, for whoever watches many runs there.

``WSDKD_TRACKERS=tensorboard,mlflow`` names them. No result depends on it, so it is no parameter of a stage,
and to set it reruns nothing.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path

from wsdkd import project
from wsdkd.ground.errors import UserError

TRACKERS_VARIABLE = "WSDKD_TRACKERS"

Log = Callable[[str, float, int], object]
"""Takes the name of a metric, its value and the step."""


@contextmanager
def open_trackers(run: str) -> Iterator[list[Log]]:
    """Begin a run with each tracker that the variable names; it ends with the context.

    Args:
        run: its name there.

    Raises:
        UserError: the variable names another tracker, or one that is not installed.
    """
    names = [name.strip() for name in os.environ.get(TRACKERS_VARIABLE, "").split(",") if name.strip()]
    for name in names:
        if name not in TRACKERS:
            raise UserError(f"{TRACKERS_VARIABLE}={name}: unknown; allowed: {', '.join(TRACKERS)}")
    with ExitStack() as stack:
        try:
            logs = [stack.enter_context(TRACKERS[name](run)) for name in names]
        except ImportError as error:
            raise UserError(
                f"{TRACKERS_VARIABLE}: {error.name} is not installed; "
                "TensorBoard needs: pip install tensorboard, MLflow: pip install mlflow-skinny"
            ) from None
        yield logs


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


TRACKERS: dict[str, Callable[[str], AbstractContextManager[Log]]] = {
    "tensorboard": _tensorboard,
    "mlflow": _mlflow,
}
