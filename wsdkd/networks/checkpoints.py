"""Networks on disk: weights as safetensors, and beside them all that is needed to build them again.

What is read back as which network: :mod:`wsdkd.teacher.network`, :mod:`wsdkd.student.network`.
"""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import safetensors.torch
from torch import nn

from wsdkd.ground.errors import UserError
from wsdkd.ground.files import publish_folder
from wsdkd.ground.sealed import DIGEST
from wsdkd.networks.description import DESCRIPTION, WEIGHTS, network_digest, require_network_file


def save_network(
    folder: Path,
    model: nn.Module,
    kind: str,
    params: Any,
    classes: list[str],
    more: Mapping[str, Any] | None = None,
) -> None:
    """Write a network; equal weights give equal bytes.

    Args:
        folder: takes ``model.safetensors`` and ``model.json``; replaced as a whole.
        model: its state dict is written.
        kind: ``teacher`` or ``student``.
        params: the section that it was built from.
        classes: names in the order of its logits.
        more: keys of the description besides these.
    """
    state = {name: value.detach().cpu().contiguous() for name, value in model.state_dict().items()}
    # The initial weights came into the state and their file may be gone when this is read.
    fields = params.model_dump(mode="json", exclude={"training"})
    fields["network"]["weights"] = None
    description: dict[str, Any] = {"kind": kind, "classes": classes, "params": fields, **(more or {})}
    weights = safetensors.torch.save(state)
    description[DIGEST] = network_digest(description, hashlib.sha256(weights).hexdigest())
    with publish_folder(folder) as aside:
        (aside / WEIGHTS).write_bytes(weights)
        text = json.dumps(description, indent=1, ensure_ascii=False, sort_keys=True)
        (aside / DESCRIPTION).write_text(text + "\n", encoding="utf-8")


def restore(model: nn.Module, folder: Path) -> None:
    """Load the weights of ``folder`` into ``model`` and put it in evaluation mode.

    Raises:
        UserError: the weights are missing, damaged or of another network.
    """
    path = folder / WEIGHTS
    require_network_file(path)
    try:
        model.load_state_dict(safetensors.torch.load_file(path))
    except (OSError, RuntimeError, safetensors.SafetensorError) as error:
        raise UserError(f"{path}: does not hold the network that {DESCRIPTION} describes: {error}") from None
    model.eval()
