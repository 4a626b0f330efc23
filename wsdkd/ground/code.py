"""What code a stage runs: the modules that it imports, and a digest of what each of them does.

Comments, docstrings and layout do not count, so that to explain or to reformat a module reruns no training.
A package's templates of pages count byte by byte for each stage that imports one of its modules.
Code is read here and never imported: a stage of the student can ask for a digest of the teacher's modules
and still load none of them.
"""

import ast
import hashlib
import importlib.util
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

PACKAGES = ("stages", "wsdkd")
"""The project's own packages; what others do is a matter of their pinned versions."""

TEMPLATES = "templates"
"""The folder of a package's templates, which wsdkd.pages fills."""


class Sources:
    """The modules of some packages, each read once, as its file stands then.

    Args:
        packages: names of top-level packages; imports of others are passed over.
        folder: in which the packages lie; by default each is where Python would import it from.
    """

    def __init__(self, packages: Sequence[str] = PACKAGES, folder: Path | None = None) -> None:
        self._places = {name: _place(name) if folder is None else folder / name for name in packages}
        self._read: dict[str, tuple[list[str], str]] = {}
        self._files: dict[str, str] = {}
        self._stamps: dict[Path, tuple[int, int]] = {}

    def digests(self, module: str) -> dict[str, str]:
        """SHA-256, by name, of ``module`` and of all modules that it imports, directly or through others.

        A file in the folder ``templates`` of a package among them has the name ``package/templates/file``.
        The packages in which a module lies are among them, since Python runs them first. An import within
        a function counts; one under ``if TYPE_CHECKING`` does not, since it never runs.

        Raises:
            ModuleNotFoundError: there is no such module in these packages.
        """
        if self.path(module) is None:
            raise ModuleNotFoundError(f"no module {module} in {', '.join(map(str, self._places.values()))}")
        found: dict[str, str] = {}
        waiting = [module]
        while waiting:
            name = waiting.pop()
            path = self.path(name)
            if name in found or path is None:
                continue
            if name not in self._read:
                self._stamps[path] = _stamp(path)
                tree = ast.parse(path.read_bytes(), path)
                self._read[name] = _imports(tree, name, path.name == "__init__.py"), _digest(tree)
            imported, found[name] = self._read[name]
            waiting += [*_above(name), *imported]
            if path.name == "__init__.py":
                found |= self._templates(name, path.parent / TEMPLATES)
        return dict(sorted(found.items()))

    def _templates(self, package: str, folder: Path) -> dict[str, str]:
        digests = {}
        for path in sorted(folder.glob("[!.]*.*")):
            name = f"{package}/{TEMPLATES}/{path.name}"
            if name not in self._files:
                self._stamps[path] = _stamp(path)
                self._files[name] = hashlib.sha256(path.read_bytes()).hexdigest()
            digests[name] = self._files[name]
        return digests

    def edited(self) -> list[Path]:
        """Files that were written or removed since they were read."""
        return [path for path, stamp in self._stamps.items() if not path.is_file() or _stamp(path) != stamp]

    def path(self, module: str) -> Path | None:
        """The file of a module or template by its name, or None where these packages have no such module."""
        package, _, template = module.partition("/")
        if template:
            above = self.path(package)
            return None if above is None else above.parent / template
        top, *steps = module.split(".")
        if top not in self._places:
            return None
        stem = self._places[top].joinpath(*steps)
        candidates = (stem / "__init__.py", *([stem.with_name(f"{stem.name}.py")] if steps else []))
        return next((file for file in candidates if file.is_file()), None)


def written(digests: Mapping[str, str]) -> str:
    """Digests as text: a line a module, the digest first."""
    return "".join(f"{value} {module}\n" for module, value in digests.items())


def differing(text: str, digests: Mapping[str, str]) -> list[str]:
    """Modules that are not in ``text`` as they are in ``digests``, or in one of the two alone."""
    before = {module: value for value, module in (line.split() for line in text.splitlines())}
    return sorted(name for name in {*before, *digests} if before.get(name) != digests.get(name))


def _stamp(file: Path) -> tuple[int, int]:
    status = file.stat()
    return status.st_mtime_ns, status.st_size


def _place(package: str) -> Path:
    # Of a top-level name: Python looks for it and imports nothing.
    spec = importlib.util.find_spec(package)
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError(f"no package {package}")
    return Path(spec.origin).parent


def _above(module: str) -> list[str]:
    parents = module.split(".")[:-1]
    return [".".join(parents[: place + 1]) for place in range(len(parents))]


def _imports(tree: ast.Module, module: str, is_package: bool) -> list[str]:
    """Names that may be modules: what stands behind ``from ... import`` may be one or a name within one."""
    found: list[str] = []
    for node in _executed(tree):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                # One dot is the package that the module lies in, each further one the package above.
                steps = module.split(".")
                steps = steps[: len(steps) - node.level + is_package]
                base = ".".join([*steps, *([base] if base else [])])
            found += [base, *(f"{base}.{alias.name}" for alias in node.names)]
    return found


def _executed(tree: ast.Module) -> Iterator[ast.AST]:
    """All statements, in any order, but for those that type checkers alone see."""
    waiting: list[ast.AST] = [tree]
    while waiting:
        node = waiting.pop()
        yield node
        for block in ("body", "orelse", "finalbody", "handlers", "cases"):
            if block != "body" or not (isinstance(node, ast.If) and _is_for_types(node.test)):
                waiting += getattr(node, block, [])


def _is_for_types(test: ast.expr) -> bool:
    # TYPE_CHECKING or typing.TYPE_CHECKING
    return getattr(test, "id", getattr(test, "attr", None)) == "TYPE_CHECKING"


def _digest(tree: ast.Module) -> str:
    words: list[str] = []
    _spell(tree, words)
    return hashlib.sha256(" ".join(words).encode()).hexdigest()


def _spell(value: Any, words: list[str]) -> None:
    """Add a syntax tree to ``words``, without docstrings, the same from every Python.

    Fields that are empty are left out: Python gains some with every version, and ``ast.unparse`` writes
    strings within strings another way from one version to the next.
    """
    if isinstance(value, ast.AST):
        words += ("(", type(value).__name__)
        for name in value._fields:
            field = getattr(value, name, None)
            # Whether a name is read or written follows from where it stands.
            if field is None or field == [] or isinstance(field, ast.expr_context):
                continue
            if isinstance(value, ast.JoinedStr):
                # Python 3.12 sees an empty string at the end of some f-strings.
                field = [each for each in field if getattr(each, "value", None) != ""]
            words.append(name)
            _spell(field, words)
        words.append(")")
    elif isinstance(value, list):
        words.append("[")
        for each in value:
            if not _is_docstring(each):
                _spell(each, words)
        words.append("]")
    else:
        words.append(ascii(value))


def _is_docstring(node: Any) -> bool:
    return (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    )
