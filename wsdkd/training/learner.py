"""One step of training: a network with its losses, its optimiser and its schedule."""

from collections.abc import Iterable, Sequence
from contextlib import nullcontext
from typing import Any, NamedTuple

import torch
from accelerate import Accelerator
from torch import nn

from wsdkd.networks.backbones import Backbone
from wsdkd.training.batch_norm import convert_for_gpus, whole_batch
from wsdkd.training.kept import Kept
from wsdkd.training.loader import Batch
from wsdkd.training.params import Optimisation

MAX_GRADIENT = 10.0  # norm; a batch beyond it would undo many others
WARM_UP = 0.3  # share of a one-cycle schedule in which the learning rate rises


class Examined(NamedTuple):
    """What validation takes from a batch.

    Attributes:
        losses: scalars by name.
        scores: of each class in each image, (B, K), higher is likelier.
    """

    losses: dict[str, torch.Tensor]
    scores: torch.Tensor


class Objective(nn.Module):
    """A network with the losses that train it.

    Subclasses set ``backbone`` and implement :meth:`forward`, which takes a batch (its frozen stem's
    features under ``stem``) and returns named losses; their sum is minimised. Those whose best epoch may
    be kept implement :meth:`examine`, too.
    """

    backbone: Backbone

    def new_layers(self) -> list[nn.Module]:
        """Layers that no pretraining has seen."""
        return []

    def forward(self, batch: Batch) -> dict[str, torch.Tensor]:
        """Scalar losses by name."""
        raise NotImplementedError

    def examine(self, batch: Batch) -> Examined:
        """The losses of :meth:`forward`, and scores of the images."""
        raise NotImplementedError

    def examines(self) -> bool:
        """Whether it implements :meth:`examine`."""
        return type(self).examine is not Objective.examine

    def weights(self, batch: Batch) -> dict[str, torch.Tensor]:  # noqa: ARG002
        """For each loss that averages over something else than images, its sum of weights in a batch."""
        return {}


class Learner:
    """An objective that takes steps, on the accelerator's device.

    Several processes share each batch, and each may take its share in parts. They give the losses of the
    whole batch: those of each part are weighted (:func:`shares`), and batch normalisation takes the
    statistics of all processes' images (:mod:`wsdkd.training.batch_norm`), though of one part at a time.
    Dropout alone draws otherwise.

    Args:
        objective: on any device; moved to the accelerator's.
        params: optimiser, schedule and their numbers.
        steps: an epoch, which the schedule counts in.
        accelerator: device, precision and processes.
    """

    def __init__(self, objective: Objective, params: Optimisation, steps: int, accelerator: Accelerator):
        self.accelerator = accelerator
        self.objective = objective.to(accelerator.device).to(memory_format=torch.channels_last)
        self._on_cpu = accelerator.device.type == "cpu"
        # Processes on CPUs put their statistics together in the forward pass alone (whole_batch).
        together = self._on_cpu and accelerator.num_processes > 1
        objective.backbone.recompute = params.recompute and not together
        if accelerator.num_processes > 1 and not self._on_cpu:
            convert_for_gpus(self.objective)
        self.kept = Kept(self.objective, params)
        optimizer = build_optimizer(self.objective, objective.new_layers(), params)
        self.schedule = build_schedule(optimizer, params, steps)
        self._wrapped, self.optimizer = accelerator.prepare(self.objective, optimizer)

    @property
    def parts(self) -> dict[str, Any]:
        """All that has a state, by name."""
        parts = {
            "objective": self.objective,
            "optimizer": self.optimizer,
            "schedule": self.schedule,
            "kept": self.kept,
        }
        return parts if self.accelerator.scaler is None else {**parts, "scaler": self.accelerator.scaler}

    def train(self, mode: bool = True) -> None:
        """Put the network in training mode, or in evaluation mode."""
        self._wrapped.train(mode)

    def step(self, batches: Sequence[Batch], images: int) -> dict[str, torch.Tensor]:
        """Take one step.

        Args:
            batches: this process's share of a batch, in one part or more; as many in each process.
            images: of all parts in all processes.

        Returns:
            This process's losses by name, detached, whose mean over processes is the whole batch's. They
            are on the device: reading them waits for it.
        """
        accelerator, processes = self.accelerator, self.accelerator.num_processes
        alone = processes == len(batches) == 1
        factors = shares([{} if alone else self.objective.weights(batch) for batch in batches], accelerator)
        sums: dict[str, torch.Tensor] = {}
        for place, batch in enumerate(batches):
            with accelerator.autocast(), whole_batch(processes if self._on_cpu else 1):
                losses = self._wrapped(batch)
            of_images = len(batch["stem"]) * processes / images
            losses = {name: loss * factors[place].get(name, of_images) for name, loss in losses.items()}
            # Processes put their gradients together once, with the last part's.
            waits = place + 1 < len(batches)
            with accelerator.no_sync(self._wrapped) if waits else nullcontext():
                accelerator.backward(torch.stack(list(losses.values())).sum())
            for name, loss in losses.items():
                sums[name] = sums[name] + loss.detach() if name in sums else loss.detach()
        accelerator.clip_grad_norm_(self._wrapped.parameters(), MAX_GRADIENT)
        self.optimizer.step()
        if not self.optimizer.step_was_skipped:  # as in fp16, where gradients were scaled beyond its range
            self.schedule.step()
            self.kept.step()
        # At once, so that the next batch's frozen features have the memory.
        self.optimizer.zero_grad(set_to_none=True)
        return sums

    def close(self) -> None:
        """Leave the objective with the weights that are kept, in evaluation mode: a training may follow.

        That one must meet neither this optimiser nor a twice wrapped forward.
        """
        self.accelerator.wait_for_everyone()
        self.accelerator.unwrap_model(self._wrapped, keep_fp32_wrapper=False)
        self.accelerator.free_memory()
        self.kept.take()
        self.objective.backbone.recompute = False
        self.objective.eval()


def shares(
    weights: Sequence[dict[str, torch.Tensor]], accelerator: Accelerator
) -> list[dict[str, torch.Tensor]]:
    """Factors for losses, with which their sum over parts and mean over processes is the whole batch's loss.

    A loss is an average, with a sum of weights w_i in part i. In P processes its factor there is
    P w_i / sum_j w_j, over the parts of all processes. Gradients, too, are averaged over processes.

    Args:
        weights: of each part of this process, of the losses that average over something else than images,
            the scalar w_i by name; the same names everywhere.
        accelerator: knows the processes.
    """
    if not weights[0]:
        return [{} for _ in weights]
    mine = torch.stack([torch.stack(list(each.values())).float() for each in weights])
    total = accelerator.reduce(mine.sum(dim=0), "sum").clamp_min(1e-6)
    factors = mine * accelerator.num_processes / total
    return [dict(zip(weights[0], part, strict=True)) for part in factors]


def build_optimizer(
    model: nn.Module, new_layers: Iterable[nn.Module], params: Optimisation
) -> torch.optim.Optimizer:
    """Optimiser over the trainable parameters; those of ``new_layers`` learn ``head_multiplier`` faster.

    Biases and normalisation parameters are not decayed.
    """
    new = {id(parameter) for layer in new_layers for parameter in layer.parameters()}
    groups: dict[tuple[bool, bool], list[nn.Parameter]] = {}
    for parameter in model.parameters():
        if parameter.requires_grad:
            groups.setdefault((id(parameter) in new, parameter.dim() > 1), []).append(parameter)
    settings = [
        {
            "params": members,
            "lr": params.learning_rate * (params.head_multiplier if is_new else 1.0),
            "weight_decay": params.weight_decay if decays else 0.0,
        }
        for (is_new, decays), members in groups.items()
    ]
    # One loop over all parameters, where the usual one has a dozen operations for each. In fp16 it would
    # leave out a step beyond its range by itself, and the schedule would not know.
    fused = params.precision != "fp16"
    if params.optimizer == "sgd":
        on_gpu = any(parameter.is_cuda for parameter in model.parameters())
        return torch.optim.SGD(
            settings, lr=params.learning_rate, momentum=0.9, fused=True if fused and on_gpu else None
        )
    return torch.optim.AdamW(settings, lr=params.learning_rate, fused=fused)


def build_schedule(
    optimizer: torch.optim.Optimizer, params: Optimisation, steps_per_epoch: int
) -> torch.optim.lr_scheduler.LRScheduler:
    """Learning-rate schedule that is stepped after each batch."""
    steps = params.epochs * steps_per_epoch
    if params.schedule == "one_cycle":
        peaks = [group["lr"] for group in optimizer.param_groups]
        return torch.optim.lr_scheduler.OneCycleLR(
            optimizer, peaks, total_steps=max(steps, 2), pct_start=WARM_UP, cycle_momentum=False
        )
    if params.schedule == "step":
        milestones = [epoch * steps_per_epoch for epoch in params.step_epochs]
        return torch.optim.lr_scheduler.MultiStepLR(optimizer, milestones, gamma=0.1)
    return torch.optim.lr_scheduler.LambdaLR(optimizer, lambda _: 1.0)
