"""What shows and keeps how far a training is: curves, and the whole state after each epoch."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, chdir, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Protocol

import torch
from accelerate import Accelerator

from wsdkd.ground.files import publish_file
from wsdkd.networks.weights import load_tensors
from wsdkd.training.params import Tracker
from wsdkd.training.trackers import Log, open_trackers

State = dict[str, Any]
Epoch = dict[str, Any]
"""Its number under ``epoch``, and losses by name under ``train`` and ``val``."""
Validate = Callable[[], dict[str, float]]
"""Gives losses by name."""


class Live(Protocol):
    """What takes curves, a step at a time; ``dvclive.Live`` is one."""

    step: int

    def log_metric(self, name: str, val: float) -> object:
        """A value of this step."""

    def next_step(self) -> object:
        """The step is over."""


class _Nowhere:
    step = 0

    def log_metric(self, name: str, val: float) -> None:
        pass

    def next_step(self) -> None:
        pass


class _Tracked:
    """Passes on what it takes to trackers, too."""

    def __init__(self, live: Live, logs: Sequence[Log]):
        self._live, self._logs, self.step = live, logs, 0

    def log_metric(self, name: str, val: float) -> None:
        self._live.step = self.step
        self._live.log_metric(name, val)
        for log in self._logs:
            log(name, val, self.step)

    def next_step(self) -> None:
        self._live.next_step()


@contextmanager
def open_curves(
    folder: Path | None, accelerator: Accelerator, trackers: Sequence[Tracker] = (), run: str = ""
) -> Iterator[Live]:
    """Where the curves of a training go, which the main process alone writes.

    Args:
        folder: takes TSV files; None: they go nowhere.
        accelerator: knows which process this is.
        trackers: get them, too.
        run: what these call the training.

    Raises:
        UserError: a tracker is not installed.
    """
    if folder is None:
        yield _Nowhere()
        return
    # Only here, as it loads the whole of DVC.
    from dvclive import Live as DvcLive

    folder = folder.absolute()
    with TemporaryDirectory() as nowhere:
        # Live opens the DVC repository around the current folder, or makes one where there is Git alone, and
        # leaves its files to the garbage collector. No repository is needed: begin where there is none.
        with chdir(nowhere):
            target = folder if accelerator.is_main_process else nowhere
            live = DvcLive(str(target), dvcyaml=None, save_dvc_exp=False, report=None, monitor_system=False)
        logging: AbstractContextManager[list[Log]] = (
            open_trackers(trackers, run) if accelerator.is_main_process else nullcontext([])
        )
        with live, logging as logs:
            yield _Tracked(live, logs) if logs else live


def log_epoch(live: Live, epoch: Epoch) -> None:
    """Add an epoch to the curves."""
    live.step = epoch["epoch"]
    for split in ("train", "val"):
        for name, value in epoch[split].items():
            live.log_metric(f"{split}/{name}", value)
    live.next_step()


class Resume:
    """Scratch files of one training, outside of what DVC tracks and deletes.

    Args:
        folder: of this training alone; its name must change with anything that the training depends
            on, as a state is taken as it is. None keeps nothing.
    """

    def __init__(self, folder: Path | None):
        self.folder = folder

    def load(self, phase: int) -> State | None:
        """The last state saved in a phase, or None. A damaged file counts as none."""
        if self.folder is None or not self._path(phase).is_file():
            return None
        try:
            state: State = load_tensors(self._path(phase))
        except Exception:  # all mean: start again
            return None
        return state

    def save(self, phase: int, state: State) -> None:
        """Keep a state in place of the phase's last one."""
        if self.folder is not None:
            # To a file that is open: else the bytes depend on its name, and a full disk is not told as such.
            with publish_file(self._path(phase)) as aside, aside.open("wb") as file:
                torch.save(state, file)

    def clear(self) -> None:
        """Forget all phases, once the training's result is safe; what somebody else put there stays."""
        if self.folder is not None and self.folder.is_dir():
            # And what a writer left that was killed in the middle of a state.
            for path in [*self.folder.glob("phase-*.pt"), *self.folder.glob(".phase-*.pt.*.part")]:
                path.unlink()
            if not any(self.folder.iterdir()):
                self.folder.rmdir()

    def _path(self, phase: int) -> Path:
        assert self.folder is not None  # noqa: S101
        return self.folder / f"phase-{phase}.pt"


def random_state() -> State:
    """State of torch's random numbers, which dropout draws from, on the CPU and all GPUs."""
    return {"cpu": torch.get_rng_state(), "cuda": list(torch.cuda.get_rng_state_all())}


def restore_random_state(state: State) -> None:
    """Put back :func:`random_state`; of GPUs, as many as there are now."""
    torch.set_rng_state(state["cpu"])
    for device, value in zip(range(torch.cuda.device_count()), state["cuda"], strict=False):
        torch.cuda.set_rng_state(value, device)


@dataclass(frozen=True)
class Record:
    """What shows and keeps how far a training is, while it goes on.

    Attributes:
        name: stands before the progress bar.
        live: takes the curves.
        states: takes the state after each epoch, and gives back that of an interrupted training.
        validate: called after each epoch; its numbers go to ``live``.
    """

    name: str
    live: Live
    states: Resume
    validate: Validate
