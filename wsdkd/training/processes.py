"""How many processes a stage runs in: one on a CPU or a single GPU, one a GPU where there are several."""

import os
import sys
from collections.abc import Callable

import torch

from wsdkd.ground.errors import UserError

PROCESSES_VARIABLE = "WSDKD_PROCESSES"


def process_count() -> int:
    """Training processes on this machine: ``WSDKD_PROCESSES``, or its GPUs, or one.

    Raises:
        UserError: the variable is not a whole number above zero.
    """
    text = os.environ.get(PROCESSES_VARIABLE)
    if not text:
        return max(1, torch.cuda.device_count())
    if not text.isdecimal() or int(text) == 0:
        raise UserError(f"{PROCESSES_VARIABLE}={text}: expected a whole number above zero")
    return int(text)


def in_processes(main: Callable[[], None], module: str) -> Callable[[], None]:
    """``main``, run by as many processes as there are GPUs.

    A stage's command in dvc.yaml is thus the same on every machine. Where several processes are due
    and this is not yet one of them, torchrun takes the place of this process and starts the module
    again in each.

    Args:
        main: the stage.
        module: its name for ``python -m``.
    """

    def start() -> None:
        count = process_count()
        if count == 1 or "WORLD_SIZE" in os.environ:
            main()
            return
        torchrun = [
            sys.executable,
            "-m",
            "torch.distributed.run",
            "--standalone",
            f"--nproc-per-node={count}",
        ]
        os.execv(sys.executable, [*torchrun, "-m", module])  # noqa: S606

    return start
