"""Everything that decides the content of a teacher cache, as named digests.

The parts that hold for all shards are in the manifest and name the scratch folder of interrupted
runs; images, labels and proposals are digested for each shard, so that one changed picture makes
one shard stale. Where two caches differ, the names say in what.
"""

import ast
import hashlib
import importlib.util
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from wsdkd.cache.parts import PARTS
from wsdkd.cache.schema import SCHEMA_VERSION, CacheError, digest, images_digest
from wsdkd.params.cache import CacheParams
from wsdkd.params.teacher import TeacherParams
from wsdkd.proposals.shards import Proposals
from wsdkd.tables.images import ImageRow

FORWARD_CODE = ("wsdkd.inference.regions", "wsdkd.cache.selection", "wsdkd.cache.writer")
"""Modules that, with what they import of wsdkd, turn images into the rows of a shard."""

# Values of parameters are digested themselves; networks are read by one module, the student's too.
_WITHOUT_EFFECT = (
    "wsdkd.errors",
    "wsdkd.files",
    "wsdkd.models.student",
    "wsdkd.params",
    "wsdkd.progress",
    "wsdkd.workers",
)
_LIBRARIES = ("numpy", "pillow", "timm", "torch", "torchvision")


@dataclass(frozen=True)
class CommonFingerprint:
    """What went into every shard: ``parts``, named digests, and ``settings``, the values behind some."""

    parts: dict[str, str]
    settings: dict[str, Any]


def common_fingerprint(
    *,
    weights: Path,
    teacher: TeacherParams,
    classes: Sequence[str],
    cache: CacheParams,
    code: Sequence[str] = FORWARD_CODE,
) -> CommonFingerprint:
    """Fingerprint of what all shards share.

    Args:
        weights: file of the teacher's weights.
        teacher: of which only what enters a forward pass counts; how it was trained is in the weights.
        classes: in order.
        cache: the parameters of the cache.
        code: modules whose code, with all of wsdkd that they import, is digested.
    """
    forward = {
        "backbone": teacher.network.backbone,
        "stride": teacher.network.stride,
        **teacher.model_dump(mode="json", include={"size", "proposals", "roi", "hidden"}),
    }
    settings = {
        "teacher_forward": forward,
        "cache": cache.model_dump(mode="json"),
        "software": {name: version(name) for name in _LIBRARIES},
    }
    with weights.open("rb") as file:
        weights_digest = hashlib.file_digest(file, "sha256").hexdigest()
    parts = {name: digest(value) for name, value in settings.items()}
    parts |= {
        "schema": str(SCHEMA_VERSION),
        "classes": digest(list(classes)),
        "teacher_weights": weights_digest,
        "code": code_digest(code),
    }
    return CommonFingerprint({name: parts[name] for name in PARTS if name in parts}, settings)


def shard_fingerprint(rows: Sequence[ImageRow], proposals: Proposals, best: int) -> dict[str, str]:
    """Fingerprint of one shard: its images, their labels and the ``best`` proposals of each.

    Labels count because :func:`wsdkd.cache.selection.choose_rois` is given them.

    Raises:
        CacheError: an image has no proposals.
    """
    boxes = hashlib.sha256()
    for row in rows:
        try:
            image_boxes, scores = proposals.of(row.image_id, best)
        except KeyError:
            raise CacheError(
                f"no proposals for image {row.image_id}; run the stage propose on the same images"
            ) from None
        boxes.update(len(scores).to_bytes(8, "little"))
        boxes.update(np.ascontiguousarray(image_boxes, "<f4").tobytes())
        boxes.update(np.ascontiguousarray(scores, "<f4").tobytes())
    return {
        "images": images_digest((row.image_id, row.digest) for row in rows),
        "labels": digest([list(row.labels) for row in rows]),
        "proposals": boxes.hexdigest(),
    }


def code_digest(modules: Sequence[str]) -> str:
    """Digest of what modules do, with all that they import of the package they belong to.

    Comments, docstrings and layout do not count. Nothing is imported for it.
    """
    sources: dict[str, str] = {}
    waiting = list(modules)
    while waiting:
        name = waiting.pop()
        path = _source(name)
        if name in sources or path is None or name.startswith(_WITHOUT_EFFECT):
            continue
        tree = ast.parse(path.read_text(encoding="utf-8"))
        waiting += _imports(tree, name.partition(".")[0])
        sources[name] = ast.unparse(_WithoutDocstrings().visit(tree))
    return digest(sources)


def _source(module: str) -> Path | None:
    top, *steps = module.split(".")
    spec = importlib.util.find_spec(top)
    if spec is None or spec.origin is None:
        return None
    stem = Path(spec.origin).parent.joinpath(*steps)
    return next((file for file in (stem / "__init__.py", stem.with_suffix(".py")) if file.is_file()), None)


def _imports(tree: ast.AST, package: str) -> list[str]:
    names = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            # What is imported may be a module of the package or a name in a module.
            names += [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
    return [name for name in names if name.partition(".")[0] == package]


class _WithoutDocstrings(ast.NodeTransformer):
    def visit_Expr(self, node: ast.Expr) -> ast.AST:
        if isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            return ast.Pass()
        return node
