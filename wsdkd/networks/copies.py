"""Tensors on their way between host and device, for which neither waits where there is a GPU.

A copy waits where the host's memory may be paged out, and where it stands in the stream that computes. So
these copies take pinned memory, and a stream of their own, in which the device works on one batch while it
computes the next. On a CPU nothing of this is needed, and nothing is done.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch


def pinned(tensor: torch.Tensor, device: torch.device) -> torch.Tensor:
    """A host's tensor in memory that a GPU copies from by itself; as it is for any other device."""
    return tensor.pin_memory() if device.type == "cuda" else tensor


class Aside:
    """A stream beside the one that computes, of a device.

    Args:
        device: any; of a CPU this does nothing but copy.
    """

    def __init__(self, device: torch.device):
        self.device = device
        cuda = device.type == "cuda"
        self._stream = torch.cuda.Stream(device) if cuda else None  # type: ignore[no-untyped-call]

    def to_device(self, tensors: Sequence[torch.Tensor]) -> list[torch.Tensor]:
        """Tensors on the device; of pinned ones the copies run beside what is being computed.

        What is computed from now on waits for them, the host does not.
        """
        if self._stream is None:
            return [tensor.to(self.device) for tensor in tensors]
        with torch.cuda.stream(self._stream):
            moved = [tensor.to(self.device, non_blocking=True) for tensor in tensors]
        computing = torch.cuda.current_stream(self.device)
        computing.wait_stream(self._stream)
        for tensor in moved:
            # Its memory belongs to the other stream, which must not take it back before it was used.
            tensor.record_stream(computing)
        return moved

    def computed(self) -> torch.Event | None:
        """A mark behind all that the device was told to compute until now; None on a CPU, which has."""
        return None if self._stream is None else torch.cuda.current_stream(self.device).record_event()

    @contextmanager
    def behind(self, mark: torch.Event | None) -> Iterator[None]:
        """Within it, the device works beside what it was told since the mark, and after all before it."""
        if self._stream is None or mark is None:
            yield
            return
        self._stream.wait_event(mark)
        with torch.cuda.stream(self._stream):
            yield

    def to_host(self, tensors: Sequence[torch.Tensor]) -> list[torch.Tensor]:
        """Tensors on the host, copied together; waits for them, within :meth:`behind` for nothing else."""
        if self._stream is None:
            return [tensor.cpu() for tensor in tensors]
        found = [torch.empty(tensor.shape, dtype=tensor.dtype, pin_memory=True) for tensor in tensors]
        for target, tensor in zip(found, tensors, strict=True):
            target.copy_(tensor, non_blocking=True)
        torch.cuda.current_stream(self.device).synchronize()
        return found
