"""How a stage starts and ends: alone, with what DVC knows of it, and with a line where that says enough."""

import fcntl
import os
import sys
from collections.abc import Callable
from typing import Literal

from stages.inputs import read_inputs
from wsdkd import project
from wsdkd.ground.errors import UserError
from wsdkd.ground.failures import end_bars, tell

INTERRUPTED = 130
"""Exit status after Ctrl-C, as of a shell: 128 and the number of the signal."""


def run(
    main: Callable[[], None],
    stage: str,
    goes_on: Literal["epoch", "shard"] | None = None,
    launch: Callable[[Callable[[], None], str], Callable[[], None]] | None = None,
) -> None:
    """Call ``main``, once it is sure that nobody else does here, and that DVC knows what is run.

    The process ends with status 1 after ``error: ...`` where that fails, and with the traceback of a defect
    before it (:mod:`wsdkd.ground.failures`).

    Args:
        main: the stage.
        stage: its name; no two processes run it in one working copy.
        goes_on: what an interrupted run of it keeps for the next one, if anything.
        launch: given ``main`` and the name of its module, makes what starts it in several processes, as
            :func:`wsdkd.training.processes.in_processes` does; by default it runs in this one.
    """
    try:
        # Of several processes the launcher holds the lock; torchrun sets the variable for the others.
        if "WORLD_SIZE" not in os.environ:
            hold(stage)
        inputs = read_inputs(stage)
        inputs.refuse_other_code()
        (main if launch is None else launch(main, f"stages.{stage}"))()
        if is_first():
            inputs.refuse_other_parameters()
    except Exception as error:
        tell(error)
        sys.exit(1)
    except KeyboardInterrupt as interrupt:
        onward = f"goes on after the last finished {goes_on}" if goes_on else "starts it anew"
        end_bars(interrupt)
        sys.stderr.write(f"interrupted: stage {stage}; the next run {onward}\n")
        sys.exit(INTERRUPTED)


def is_first() -> bool:
    """Whether this is the only process of a stage, or the first of those that torchrun started."""
    return os.environ.get("RANK", "0") == "0"


def hold(stage: str) -> int:
    """Hold the lock of ``stage`` until this process ends, however it ends.

    DVC's own lock goes with DVC. When DVC is killed, the stage that it started runs on, and the next
    ``dvc repro`` would start a second one beside it.

    The lock is a POSIX record lock, which no library offers that we have (``filelock`` takes another kind):
    it belongs to the process alone, so that workers that it forks do not keep it when they are left behind,
    and torchrun, which takes the process's place by exec, does, as long as the descriptor stays open.

    Returns:
        The open descriptor.

    Raises:
        UserError: another process runs this stage here.
    """
    path = project.RESUME / f"{stage}.lock"
    path.parent.mkdir(parents=True, exist_ok=True)
    handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        fcntl.lockf(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        holder = os.read(handle, 32).decode(errors="replace").strip() or "unknown"
        os.close(handle)
        if not isinstance(error, (BlockingIOError, PermissionError)):
            raise  # a file system without locks
        raise UserError(
            f"{path}: stage {stage} already runs in this working copy, as process {holder}; "
            f"wait for it, or stop it: kill {holder}"
        ) from None
    os.ftruncate(handle, 0)
    os.write(handle, f"{os.getpid()}\n".encode())
    os.set_inheritable(handle, True)
    return handle
