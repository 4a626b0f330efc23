"""``running.json``: what a cache's folder says where the teacher itself is kept (``cache.kept: teacher``)."""

import json
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from wsdkd.cache.format import OUTPUTS_VERSION, CacheError
from wsdkd.cache.manifest import RUNNING
from wsdkd.cache.params import CacheParams
from wsdkd.ground.errors import UserError
from wsdkd.ground.reading import read_json
from wsdkd.ground.sealed import DIGEST, sealed, unsealed

AGAIN = "run the stage cache_teacher, or dvc pull"


class Kept(BaseModel):
    """What decides what the teacher will say."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    outputs: int = OUTPUTS_VERSION
    """Version of the teacher's forward pass and of the choice of RoIs."""
    code: str
    """Digest of the code by which it runs along."""
    cache: CacheParams
    fingerprint: dict[str, str]
    """Named digests, as of a stored cache (:mod:`wsdkd.cache.writing.fingerprint`)."""
    settings: dict[str, Any]
    """The readable values behind some of the digests."""


def write_kept(folder: Path, kept: Kept) -> None:
    """Write ``running.json`` with the digest of what is in it."""
    with (folder / RUNNING).open("w", encoding="utf-8") as file:
        json.dump(sealed(kept.model_dump(mode="json")), file, indent=1)
        file.write("\n")


def read_kept(folder: Path) -> Kept:
    """Read ``running.json``.

    Raises:
        CacheError: there is none, it is damaged or edited, or it was written by another version.
    """
    path = folder / RUNNING
    try:
        data, as_written = unsealed(read_json(path, AGAIN))
    except UserError as error:
        raise CacheError(str(error)) from None
    if not as_written:
        raise CacheError(f"{path}: {DIGEST}: is not that of what the file holds; {AGAIN}")
    try:
        kept = Kept.model_validate(data)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise CacheError(f"{path}: {'.'.join(map(str, first['loc']))}: {first['msg']}; {AGAIN}") from None
    if kept.outputs != OUTPUTS_VERSION:
        versions = f"{kept.outputs}, but this code has {OUTPUTS_VERSION}"
        raise CacheError(f"{path}: outputs: {versions}; run the stage cache_teacher")
    return kept
