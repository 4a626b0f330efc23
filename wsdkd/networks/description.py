"""What stands beside a network's weights on disk: enough to build it, and to compare it without torch."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError

from wsdkd.ground.digests import digest, sha256
from wsdkd.ground.errors import UserError
from wsdkd.ground.reading import read_json, require_file
from wsdkd.ground.sealed import DIGEST
from wsdkd.settings.sections import Section

WEIGHTS, DESCRIPTION = "model.safetensors", "model.json"

VALIDATION = "validation"
"""The key under which stands what validation images said of a student, if any did."""

RENAMED = {"size": "input_size"}
"""Fields that networks saved by earlier versions have under another name."""

Params = TypeVar("Params", bound=Section)


def network_digest(description: Mapping[str, Any], weights: str) -> str:
    """What ties a description to its weights; it stands in the description under :data:`DIGEST`.

    Args:
        description: what stands in the file, with or without its digest.
        weights: SHA-256 of the file of weights.
    """
    described = {name: value for name, value in description.items() if name != DIGEST}
    return digest({**described, WEIGHTS: weights})


def read_description(
    folder: Path, kind: str, section: type[Params], training: dict[str, Any] | None = None
) -> tuple[Params, list[str]]:
    """The section that a network was built from, and its classes, as ``save_network`` wrote them.

    Where the description has a digest, as all but those of version 0.1 do, the weights beside it must be the
    ones that it was written with.

    Args:
        folder: of the network.
        kind: ``teacher`` or ``student``.
        section: type of the section.
        training: stands in for the field ``training``, which is not kept, where the section has one.

    Raises:
        UserError: the folder holds no network of this kind, or a damaged one.
    """
    path = folder / DESCRIPTION
    require_network_file(path)
    description = read_json(path)
    try:
        found, fields, classes = description["kind"], description["params"], description["classes"]
    except (KeyError, TypeError) as error:
        raise UserError(f"{path}: not a description of a network: {error}") from None
    if found != kind:
        raise UserError(f"{path}: kind: expected a {kind}, found a {found}")
    if not isinstance(classes, list) or not all(isinstance(name, str) for name in classes):
        raise UserError(f"{path}: classes: expected a list of names")
    if DIGEST in description and description[DIGEST] != network_digest(description, _of_weights(folder)):
        raise UserError(
            f"{path}: {DIGEST}: it does not belong to the {WEIGHTS} beside it: one was edited, damaged "
            f"or replaced; run the stage that makes both, or fetch them: dvc pull {folder}"
        )
    try:
        if isinstance(fields, dict):
            fields = {RENAMED.get(name, name): value for name, value in fields.items()}
            if training is not None:
                fields["training"] = training
            if isinstance(fields.get("network"), dict):
                # The weights are beside it. A stranger's file may name others, to be read or downloaded.
                fields["network"] = {**fields["network"], "weights": None}
        # Through JSON, as parameters are read: a list may be a tuple there.
        return section.model_validate_json(json.dumps(fields)), classes
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(map(str, ("params", *first["loc"])))
        raise UserError(f"{path}: {where}: {first['msg']}; was it written by another version?") from None


def require_network_file(path: Path) -> None:
    """Refuse what is no file of a network.

    Raises:
        UserError: it is missing, and how to get it; or it is a folder, a pipe, a device or a socket.
    """
    require_file(path, f"run the stage that makes it, or fetch it: dvc pull {path.parent}")


def _of_weights(folder: Path) -> str:
    require_network_file(folder / WEIGHTS)
    return sha256(folder / WEIGHTS)
