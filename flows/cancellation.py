"""Sees that a flow run is being cancelled, whoever started it and however."""

import threading
from collections.abc import Callable
from types import TracebackType
from uuid import UUID

from prefect.client.orchestration import get_client

POLL_SECONDS = 2.0


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
