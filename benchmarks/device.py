"""Where networks run that are measured."""

import torch
from accelerate import PartialState


def device() -> torch.device:
    """The GPU of this process, or the CPU where there is none."""
    found: torch.device = PartialState(cpu=not torch.cuda.is_available()).device
    return found
