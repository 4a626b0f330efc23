"""One process a stage and working copy.

DVC's own lock goes with DVC. When DVC is killed, the stage that it started runs on, and the next
``dvc repro`` would start a second one beside it.
"""

import fcntl
import os

from wsdkd import project
from wsdkd.ground.errors import UserError


def hold(stage: str) -> int:
    """Hold the lock of ``stage`` until this process ends, however it ends.

    A record lock belongs to the process alone: workers that it forks do not keep it, and torchrun,
    which takes the process's place by exec, does, as long as the descriptor stays open.

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
