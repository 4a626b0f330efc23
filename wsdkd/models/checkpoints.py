"""Networks on disk: weights as safetensors, and beside them all that is needed to build them again.

What is read back as which network: :mod:`wsdkd.models.saved_teacher`, :mod:`wsdkd.models.saved_student`.
"""

import json
from pathlib import Path
from typing import Any, TypeVar

import safetensors.torch
from pydantic import ValidationError
from torch import nn

from wsdkd.errors import UserError
from wsdkd.files import publish_folder
from wsdkd.params.base import Section

WEIGHTS, DESCRIPTION = "model.safetensors", "model.json"

Params = TypeVar("Params", bound=Section)


def save_network(folder: Path, model: nn.Module, kind: str, params: Any, classes: list[str]) -> None:
    """Write a network; equal weights give equal bytes.

    Args:
        folder: takes ``model.safetensors`` and ``model.json``; replaced as a whole.
        model: its state dict is written.
        kind: ``teacher`` or ``student``.
        params: the section that it was built from.
        classes: names in the order of its logits.
    """
    state = {name: value.detach().cpu().contiguous() for name, value in model.state_dict().items()}
    # The initial weights came into the state and their file may be gone when this is read.
    fields = params.model_dump(mode="json", exclude={"training"})
    fields["network"]["weights"] = None
    description: dict[str, Any] = {"kind": kind, "classes": classes, "params": fields}
    with publish_folder(folder) as aside:
        (aside / WEIGHTS).write_bytes(safetensors.torch.save(state))
        text = json.dumps(description, indent=1, ensure_ascii=False, sort_keys=True)
        (aside / DESCRIPTION).write_text(text + "\n", encoding="utf-8")


def read_description(
    folder: Path, kind: str, section: type[Params], training: dict[str, Any] | None = None
) -> tuple[Params, list[str]]:
    """What :func:`save_network` wrote beside the weights: the section it was built from, and its classes.

    Args:
        folder: of the network.
        kind: ``teacher`` or ``student``.
        section: type of the section.
        training: stands in for the field ``training``, which is not kept, where the section has one.

    Raises:
        UserError: the folder holds no network of this kind, or a damaged one.
    """
    path = folder / DESCRIPTION
    try:
        description = json.loads(path.read_text(encoding="utf-8"))
        found, fields, classes = description["kind"], description["params"], description["classes"]
    except FileNotFoundError:
        raise UserError(
            f"{path}: no such file; run the stage that makes it, or fetch it: dvc pull {folder}"
        ) from None
    except (ValueError, KeyError, TypeError) as error:
        raise UserError(f"{path}: not a description of a network: {error}") from None
    if found != kind:
        raise UserError(f"{path}: kind: expected a {kind}, found a {found}")
    if not isinstance(classes, list) or not all(isinstance(name, str) for name in classes):
        raise UserError(f"{path}: classes: expected a list of names")
    try:
        if training is not None and isinstance(fields, dict):
            fields["training"] = training
        # Through JSON, as parameters are read: a list may be a tuple there.
        return section.model_validate_json(json.dumps(fields)), classes
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(map(str, ("params", *first["loc"])))
        raise UserError(f"{path}: {where}: {first['msg']}; was it written by another version?") from None


def restore(model: nn.Module, folder: Path) -> None:
    """Load the weights of ``folder`` into ``model`` and put it in evaluation mode.

    Raises:
        UserError: the weights are missing, damaged or of another network.
    """
    path = folder / WEIGHTS
    try:
        model.load_state_dict(safetensors.torch.load_file(path))
    except FileNotFoundError:
        raise UserError(
            f"{path}: no such file; run the stage that makes it, or fetch it: dvc pull {folder}"
        ) from None
    except (OSError, RuntimeError, safetensors.SafetensorError) as error:
        raise UserError(f"{path}: does not hold the network that {DESCRIPTION} describes: {error}") from None
    model.eval()
