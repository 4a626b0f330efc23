"""The training loop, the same for teacher, baseline and both stages of distillation."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import torch
from accelerate import Accelerator
from accelerate.utils import gather_object

from wsdkd.average_precision import mean_average_precision
from wsdkd.ground.errors import UserError
from wsdkd.ground.progress import note, track
from wsdkd.training.kept import MAP
from wsdkd.training.learner import Learner, Objective
from wsdkd.training.loader import Supervision, load_batches
from wsdkd.training.params import Optimisation, Tracker
from wsdkd.training.pictures import Pictures, Stem
from wsdkd.training.record import (
    Epoch,
    Record,
    Resume,
    State,
    Validate,
    log_epoch,
    open_curves,
    random_state,
    restore_random_state,
)
from wsdkd.training.sampling import repeat_factors
from wsdkd.training.views import BatchParts, EpochViews, Showing, plain_batches

AUGMENTED = (
    "pictures are augmented anew each time, so neither they nor features of frozen stages are kept in memory"
)


@dataclass(frozen=True)
class Task:
    """Losses of a network on some images.

    Attributes:
        objective: the network with its losses.
        pictures: of the images.
        supervision: what the losses need of these images besides pictures.
    """

    objective: Objective
    pictures: Pictures
    supervision: Supervision


@dataclass(frozen=True)
class Phase:
    """Epochs in a row under one schedule.

    Attributes:
        task: what is minimised; its objective is trained in place.
        params: epochs, batch size (of all processes together), learning rate and the like.
    """

    task: Task
    params: Optimisation


@dataclass(frozen=True)
class Training:
    """A training from start to end.

    Attributes:
        name: stands before the progress bar.
        phases: in order; the curves run on from one to the next.
        validation: its losses are logged after each epoch; None where nothing is watched.
        curves: folder that takes the curves; None draws none.
        states: takes the state after each epoch, and gives back that of an interrupted training.
        save: keeps the result; called by the main process alone. Only then are the states cleared.
        trackers: get the curves, too, under the name of the training.
    """

    name: str
    phases: Sequence[Phase]
    validation: Task | None
    curves: Path | None
    states: Resume
    save: Callable[[], None]
    trackers: Sequence[Tracker] = ()


def train(training: Training, accelerator: Accelerator) -> None:
    """Go through all phases of a training and keep what comes out.

    Args:
        training: whose networks are on the CPU.
        accelerator: of :func:`~wsdkd.training.processes.start`, which came before the networks were made,
            as it seeds.

    Raises:
        UserError: a loss is no longer a number, a batch has fewer images than processes and parts share
            it, a GPU's memory is too small, or no validation image tells which epoch is the best.
    """
    first, watched = training.phases[0].params, training.validation
    batch_size = max(1, first.batch_size // first.accumulate)
    chooses = any(phase.params.keep == "best" for phase in training.phases)
    measures = watched is not None and watched.objective.examines() and _any_label(watched)
    if chooses and not measures:
        raise UserError(
            f"{training.name}: training.keep: best needs validation images with labels, and there is none; "
            "set it to last"
        )
    with open_curves(training.curves, accelerator, training.trackers, training.name) as live:
        validate = dict if watched is None else validator(watched, batch_size, accelerator, measures)
        record = Record(training.name, live, training.states, validate)
        first_epoch = 0
        for phase in training.phases:
            fit(phase, record, accelerator, first_epoch)
            first_epoch += phase.params.epochs
    if accelerator.is_main_process:
        training.save()
        training.states.clear()


def fit(phase: Phase, record: Record, accelerator: Accelerator, first_epoch: int = 0) -> None:
    """Train the objective of one phase in place.

    Args:
        phase: whose objective is moved to the accelerator's device.
        record: shows and keeps how far it is; where the best epoch is kept, its validation gives the mAP.
        accelerator: device, precision and processes.
        first_epoch: of the curves and of the order of images, where an earlier phase came before.

    Raises:
        UserError: a loss is no longer a number, a batch has fewer images than processes and parts share
            it, or a GPU's memory is too small.
    """
    task, params, processes = phase.task, phase.params, accelerator.num_processes
    pictures, images = task.pictures, len(task.pictures.rows)
    _check_shares(params, images, processes)
    learner = Learner(task.objective, params, max(images // params.batch_size, 1), accelerator)
    history = _restore(record.states.load(first_epoch), learner.parts)
    for earlier in history:
        log_epoch(record.live, earlier)
    epochs = range(first_epoch + len(history), first_epoch + params.epochs)
    showing = Showing(repeat_factors(pictures.rows, params.repeat_threshold), params.augmentation)
    views = EpochViews(images, params.batch_size, pictures.sizes, params.seed, epochs, showing)
    augments = params.augmentation.changes
    stem = Stem(task.objective.backbone, pictures, accelerator.device, not augments, accelerator.autocast)
    parts = BatchParts(views, params.accumulate)
    loaded = load_batches(parts, stem, task.supervision, accelerator.process_index, processes)
    batches = iter(lambda: list(islice(loaded, params.accumulate)), [])
    if accelerator.is_main_process:
        if augments:
            note(f"{record.name}: {AUGMENTED}")
        batches = track(batches, record.name, total=len(views), unit="batch")
    sums: dict[str, torch.Tensor] = {}
    learner.train()
    with _explained_shortage(record.name, params):
        for place, batch in enumerate(batches):
            for name, loss in learner.step(batch, len(views[place])).items():
                # On the device, in double precision: to read each loss would wait for each step.
                sums[name] = sums.get(name, 0.0) + loss.double()
            if (place + 1) % views.steps == 0:
                learner.train(False)
                means = _means(sums, views.steps, accelerator, record.name)
                epoch = epochs[place // views.steps]
                with learner.kept.shown():
                    validated = record.validate()
                    learner.kept.consider(validated)
                history.append({"epoch": epoch, "train": means, "val": validated})
                log_epoch(record.live, history[-1])
                if accelerator.is_main_process:
                    states = {name: part.state_dict() for name, part in learner.parts.items()}
                    states |= {"random": random_state(), "history": history}
                    record.states.save(first_epoch, states)
                learner.train()
                sums = {}
    learner.close()


def _check_shares(params: Optimisation, images: int, processes: int) -> None:
    batch_size = min(params.batch_size, images)
    if batch_size < processes * params.accumulate:
        parts = f", each in {params.accumulate} parts" if params.accumulate > 1 else ""
        raise UserError(
            f"training.batch_size: {processes} processes share each batch{parts}, and one of "
            f"{batch_size} images is too small"
        )


@contextmanager
def _explained_shortage(name: str, params: Optimisation) -> Iterator[None]:
    try:
        yield
    except torch.OutOfMemoryError as error:
        raise UserError(
            f"{name}: the GPU's memory is too small; raise training.accumulate, now {params.accumulate} (the "
            f"parts that a batch is taken in), set training.recompute: true, or lower "
            f"training.batch_size, now {params.batch_size}, the size of the input or the number of regions "
            f"({str(error).splitlines()[0]})"
        ) from error


def _restore(state: State | None, parts: dict[str, Any]) -> list[Epoch]:
    # Puts a saved state into its parts; gives the epochs that it has behind it.
    if state is None:
        return []
    for name, part in parts.items():
        part.load_state_dict(state[name])
    restore_random_state(state["random"])
    history: list[Epoch] = state["history"]
    return history


def _means(
    sums: dict[str, torch.Tensor], steps: int, accelerator: Accelerator, name: str
) -> dict[str, float]:
    # Mean over steps and processes of each loss.
    means = accelerator.reduce((torch.stack(list(sums.values())) / steps).float(), "mean")
    if not bool(torch.isfinite(means).all()):
        raise UserError(f"{name}: the loss is no longer a number; lower training.learning_rate")
    return dict(zip(sums, means.tolist(), strict=True))


def _any_label(task: Task) -> bool:
    return any(row.labels for row in task.pictures.rows)


def validator(task: Task, batch_size: int, accelerator: Accelerator, measures: bool = False) -> Validate:
    """A function that gives the losses of a task, averaged over its images.

    Args:
        task: whose objective is in evaluation mode when the function is called. All pictures have one
            size. Without any the function gives nothing.
        batch_size: images a batch, of all processes together.
        accelerator: device and processes.
        measures: whether it gives the mAP, too; one of the images has a label then.
    """
    images, (size,) = len(task.pictures.rows), task.pictures.sizes
    batches = plain_batches(images, batch_size, size)
    # Every process sees whole batches, its share of them, as the last may be small.
    mine = batches[accelerator.process_index :: accelerator.num_processes]

    @torch.no_grad()
    def validate() -> dict[str, float]:
        stem = Stem(task.objective.backbone, task.pictures, accelerator.device, autocast=accelerator.autocast)
        sums: dict[str, torch.Tensor] = {}
        seen = []
        for views_of, batch in zip(mine, load_batches(mine, stem, task.supervision), strict=True):
            with accelerator.autocast():
                losses, scores = task.objective.examine(batch) if measures else (task.objective(batch), None)
            for name, loss in losses.items():
                sums[name] = sums.get(name, 0.0) + loss.double() * len(views_of)
            if scores is not None:
                seen.append([each.cpu().numpy() for each in (scores, batch["labels"], batch["known"])])
        # A process without a batch knows no names, so that they travel with the numbers.
        everyone = gather_object([{name: float(value) for name, value in sums.items()}])
        names = next((list(each) for each in everyone if each), [])
        means = {name: sum(each.get(name, 0.0) for each in everyone) / images for name in names}
        return {**means, MAP: _mean_average_precision(gather_object(seen))} if measures else means

    return validate


def _mean_average_precision(batches: Sequence[Sequence[np.ndarray]]) -> float:
    scores, labels, known = (np.concatenate(part) for part in zip(*batches, strict=True))
    if not np.isfinite(scores).all():
        raise UserError("a validation score is no longer a number; lower training.learning_rate")
    return mean_average_precision(scores, labels, known)
