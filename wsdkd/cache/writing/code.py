"""The code behind a teacher cache, as one digest: equal on every Python that runs the project.

Code is read here, and never imported, so that a student's stage can compare it without any module
of the teacher.
"""

import ast
import importlib.util
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from wsdkd.ground.digests import digest

FORWARD_CODE = ("wsdkd.teacher.run", "wsdkd.cache.writing.selection", "wsdkd.cache.writing.writer")
"""Modules that, with what they import of wsdkd, turn images into the rows of a shard."""

# Values of parameters are digested themselves; networks are read by one module, the student's too.
_WITHOUT_EFFECT = (
    "wsdkd.ground.errors",
    "wsdkd.ground.files",
    "wsdkd.student.network",
    "wsdkd.params",
    "wsdkd.ground.progress",
    "wsdkd.ground.workers",
)


def code_digest(modules: Sequence[str]) -> str:
    """Digest of what modules do, with all that they import of the package they belong to.

    Comments, docstrings and layout do not count. Nothing is imported for it.
    """
    sources: dict[str, Any] = {}
    waiting = list(modules)
    while waiting:
        name = waiting.pop()
        path = _source(name)
        if name in sources or path is None or name.startswith(_WITHOUT_EFFECT):
            continue
        tree = ast.parse(path.read_text(encoding="utf-8"))
        waiting += _imports(tree, name.partition(".")[0])
        sources[name] = _plain(tree)
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


def _plain(value: Any) -> Any:
    """A syntax tree in lists and strings, without docstrings.

    Fields that are empty are left out: Python gains some with every version, and ``ast.unparse``
    writes strings within strings another way from one version to the next.
    """
    if isinstance(value, ast.AST):
        fields = [[name, _plain(field)] for name, field in ast.iter_fields(value)]
        return [type(value).__name__, *(each for each in fields if each[1] not in ("None", []))]
    if isinstance(value, list):
        return [_plain(each) for each in value if not _is_docstring(each)]
    return ascii(value)


def _is_docstring(node: Any) -> bool:
    return (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    )
