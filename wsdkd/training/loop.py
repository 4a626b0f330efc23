"""The training loop, the same for teacher, baseline and both stages of distillation."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from accelerate import Accelerator
from accelerate.utils import DistributedDataParallelKwargs, set_seed
from dvclive import Live
from torch import nn

from wsdkd.ground.errors import UserError
from wsdkd.ground.progress import track
from wsdkd.networks.backbones import Backbone
from wsdkd.training.loader import Batch, Extras, load_batches
from wsdkd.training.optimisation import build_optimizer, build_schedule
from wsdkd.training.params import Optimisation
from wsdkd.training.pictures import Pictures, Stem
from wsdkd.training.processes import shares, whole_batch
from wsdkd.training.resume import Resume, State, random_state, restore_random_state
from wsdkd.training.views import EpochViews

Epoch = dict[str, Any]  # its number under "epoch", and losses by name under "train" and "val"

MAX_GRADIENT = 10.0  # norm; a batch beyond it would undo many others


class Objective(nn.Module):
    """A network with the losses that train it.

    Subclasses set ``backbone`` and implement :meth:`forward`, which takes a batch (its frozen stem's
    features under ``stem``) and returns named losses; their sum is minimised.
    """

    backbone: Backbone

    def new_layers(self) -> list[nn.Module]:
        """Layers that no pretraining has seen."""
        return []

    def forward(self, batch: Batch) -> dict[str, torch.Tensor]:
        """Scalar losses by name."""
        raise NotImplementedError

    def weights(self, batch: Batch) -> dict[str, torch.Tensor]:  # noqa: ARG002
        """For each loss that averages over something else than images, its sum of weights in a batch."""
        return {}


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
    return Accelerator(
        # Without the argument accelerate counts a single process on a machine that has no GPU.
        cpu=not has_gpu,
        mixed_precision="no" if params.precision == "fp32" else params.precision,
        # Stage 1 may leave the student's classifier, or its fc6 and fc7, without a gradient.
        kwargs_handlers=[DistributedDataParallelKwargs(find_unused_parameters=True)],
    )


def fit(
    objective: Objective,
    pictures: Pictures,
    extras: Extras,
    sizes: Sequence[int],
    params: Optimisation,
    accelerator: Accelerator,
    live: Live,
    validate: Callable[[], dict[str, float]],
    description: str,
    resume: Resume,
    first_epoch: int = 0,
) -> None:
    """Train ``objective`` in place.

    Several processes share each batch, and give the losses of one: each process's are weighted
    (:mod:`wsdkd.training.processes`), and batch normalisation takes the statistics of the whole batch
    (:mod:`wsdkd.training.processes`). Dropout alone draws otherwise.

    Args:
        objective: on the CPU; moved to the accelerator's device.
        pictures: of the training images.
        extras: what the losses need besides pictures.
        sizes: sides of the square input; each batch takes one at random.
        params: epochs, batch size (of all processes together), learning rate and the like.
        accelerator: device, precision and processes.
        live: takes the curves.
        validate: called after each epoch; its numbers go to ``live``.
        description: stands before the progress bar.
        resume: takes the state after each epoch, and gives back that of an interrupted training.
        first_epoch: of the curves and of the order of images, where an earlier phase came before.

    Raises:
        UserError: a loss is no longer a number, or there are more processes than images in a batch.
    """
    processes = accelerator.num_processes
    if min(params.batch_size, len(pictures.rows)) < processes:
        raise UserError(
            f"training.batch_size: {processes} processes share each batch, and one of "
            f"{min(params.batch_size, len(pictures.rows))} images is too small"
        )
    objective = objective.to(accelerator.device).to(memory_format=torch.channels_last)
    stem = Stem(objective.backbone, pictures, sizes, accelerator.device)
    optimizer = build_optimizer(objective, objective.new_layers(), params)
    schedule = build_schedule(optimizer, params, max(len(pictures.rows) // params.batch_size, 1))
    wrapped, optimizer = accelerator.prepare(objective, optimizer)
    parts = {"objective": objective, "optimizer": optimizer, "schedule": schedule}
    if accelerator.scaler is not None:
        parts["scaler"] = accelerator.scaler
    history = _restore(resume.load(first_epoch), parts)
    for earlier in history:
        _log(live, earlier)
    epochs = range(first_epoch + len(history), first_epoch + params.epochs)
    views = EpochViews(len(pictures.rows), params.batch_size, sizes, params.seed, epochs)
    batches = load_batches(views, stem, extras, accelerator.process_index, processes)
    if accelerator.is_main_process:
        batches = track(batches, description, total=len(views), unit="batch")
    sums: dict[str, float] = {}
    wrapped.train()
    for place, batch in enumerate(batches):
        with accelerator.autocast(), whole_batch(processes):
            losses = wrapped(batch)
        weights = objective.weights(batch) if processes > 1 else {}
        factors = shares(losses, len(batch["stem"]), len(views[place]), weights, accelerator)
        losses = {name: loss * factors[name] for name, loss in losses.items()}
        optimizer.zero_grad(set_to_none=True)
        accelerator.backward(torch.stack(list(losses.values())).sum())
        accelerator.clip_grad_norm_(wrapped.parameters(), MAX_GRADIENT)
        optimizer.step()
        if not optimizer.step_was_skipped:  # as in fp16, where gradients were scaled beyond its range
            schedule.step()
        for name, loss in losses.items():
            sums[name] = sums.get(name, 0.0) + float(loss.detach())
        if (place + 1) % views.steps == 0:
            wrapped.eval()
            means = {name: value / views.steps for name, value in sums.items()}
            means = _means(means, accelerator, description)
            history.append({"epoch": epochs[place // views.steps], "train": means, "val": validate()})
            _log(live, history[-1])
            if accelerator.is_main_process:
                states = {name: part.state_dict() for name, part in parts.items()}
                resume.save(first_epoch, {**states, "random": random_state(), "history": history})
            wrapped.train()
            sums = {}
    accelerator.wait_for_everyone()
    # Another training may follow, and must meet neither this optimiser nor a twice wrapped forward.
    accelerator.unwrap_model(wrapped, keep_fp32_wrapper=False)
    accelerator.free_memory()
    objective.eval()


def _restore(state: State | None, parts: dict[str, Any]) -> list[Epoch]:
    # Puts a saved state into its parts; gives the epochs that it has behind it.
    if state is None:
        return []
    for name, part in parts.items():
        part.load_state_dict(state[name])
    restore_random_state(state["random"])
    history: list[Epoch] = state["history"]
    return history


def _means(losses: dict[str, float], accelerator: Accelerator, description: str) -> dict[str, float]:
    # Mean over processes of each loss.
    values = torch.tensor(list(losses.values()), device=accelerator.device)
    means = accelerator.reduce(values, "mean")
    if not bool(torch.isfinite(means).all()):
        raise UserError(f"{description}: the loss is no longer a number; lower training.learning_rate")
    return dict(zip(losses, means.tolist(), strict=True))


def _log(live: Live, epoch: Epoch) -> None:
    live.step = epoch["epoch"]
    for split in ("train", "val"):
        for name, value in epoch[split].items():
            live.log_metric(f"{split}/{name}", value)
    live.next_step()


@contextmanager
def curves(folder: Path, accelerator: Accelerator) -> Iterator[Live]:
    """Where the curves of a stage go: TSV files below ``folder``, which the main process alone writes."""
    with TemporaryDirectory() as nowhere:
        target = str(folder) if accelerator.is_main_process else nowhere
        live = Live(target, dvcyaml=None, save_dvc_exp=False, report=None, monitor_system=False)
        try:
            with live:
                yield live
        finally:
            # dvclive opens the repository that it runs in, and leaves its files to the garbage collector.
            if live._dvc_repo is not None:
                live._dvc_repo.close()
