"""Where a stage trains: in one process on a CPU or a single GPU, in one a GPU where there are several."""

import os
import sys
from collections.abc import Callable

import torch
from accelerate import Accelerator
from accelerate.utils import DistributedDataParallelKwargs, set_seed

from wsdkd.ground.errors import UserError
from wsdkd.networks.precision import allow_tf32
from wsdkd.training.params import Optimisation

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


def seed_all(seed: int) -> None:
    """Seed Python, NumPy and torch on every device."""
    set_seed(seed)


def start(params: Optimisation) -> Accelerator:
    """Seed everything, and find the device and the processes.

    Raises:
        UserError: fp16 is wanted on a machine without a GPU.
    """
    seed_all(params.seed)
    has_gpu = torch.cuda.is_available()
    if params.precision == "fp16" and not has_gpu:
        raise UserError("training.precision: fp16 needs a GPU; bf16 and fp32 work without one")
    if has_gpu:
        allow_tf32(params.precision != "fp32")
    return Accelerator(
        # Without the argument accelerate counts a single process on a machine that has no GPU.
        cpu=not has_gpu,
        mixed_precision="no" if params.precision == "fp32" else params.precision,
        # Stage 1 may leave the student's classifier, or its fc6 and fc7, without a gradient.
        kwargs_handlers=[DistributedDataParallelKwargs(find_unused_parameters=True)],
    )
