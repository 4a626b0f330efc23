"""Optimiser and learning-rate schedule from parameters."""

from collections.abc import Iterable

import torch
from torch import nn

from wsdkd.training.params import Optimisation

WARM_UP = 0.3  # share of a one-cycle schedule in which the learning rate rises


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
    if params.optimizer == "sgd":
        return torch.optim.SGD(settings, lr=params.learning_rate, momentum=0.9)
    # One loop over all parameters, where the usual one has a dozen operations for each. In fp16 it would
    # leave out a step beyond its range by itself, and the schedule would not know.
    return torch.optim.AdamW(settings, lr=params.learning_rate, fused=params.precision != "fp16")


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
