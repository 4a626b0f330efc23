"""Which modules of the project a stage imports, read from their source without running it.

``python -m tests.pipeline.closure dvc.yaml`` (``make deps``) rewrites the module lists in dvc.yaml.
"""

import ast
import re
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGES = ("stages", "wsdkd")
WIDTH = 110
MODULE = re.compile(rf" *({'|'.join(PACKAGES)})/\S+\.py[],]")
STAGE = re.compile(
    r"(?P<head>^(?P<indent> +)cmd: python -m stages\.(?P<name>\w+)\n +deps: \[)\n(?P<deps>[^]]*\])\n", re.M
)


def closure(module: str, root: Path = ROOT) -> list[str]:
    """Paths below ``root`` of all modules that ``module`` imports, itself and packages' files included.

    Imports within functions count; those under ``if TYPE_CHECKING`` do not, since they never run.
    """
    found: set[str] = set()
    waiting = [module]
    while waiting:
        name = waiting.pop()
        path = _file(name, root)
        if path is None or path in found:
            continue
        found.add(path)
        parents = name.split(".")[:-1]
        waiting += [".".join(parents[: i + 1]) for i in range(len(parents))]
        waiting += _imports(root / path, name)
    return sorted(found)


def rewritten(text: str, root: Path = ROOT) -> str:
    """The text of a dvc.yaml with each stage's list of modules put right; all else stays as it is."""

    def put_right(stage: re.Match[str]) -> str:
        if not (root / f"stages/{stage['name']}.py").is_file():
            raise FileNotFoundError(f"dvc.yaml runs stages.{stage['name']}, and there is no such module")
        data = [line for line in stage["deps"].splitlines() if line and not MODULE.match(line)]
        modules = _lines(closure(f"stages.{stage['name']}", root), stage["indent"] + "  ")
        return "\n".join([stage["head"], *data, *modules])[: -len(",")] + "]\n"

    return STAGE.sub(put_right, text)


def _lines(paths: list[str], indent: str) -> list[str]:
    """``paths`` with commas, each folder beginning a line."""
    lines: list[str] = []
    folder = ""
    for path in paths:
        if path.rpartition("/")[0] != folder or len(lines[-1]) + len(path) + 2 > WIDTH:
            folder = path.rpartition("/")[0]
            lines.append(f"{indent}{path},")
        else:
            lines[-1] += f" {path},"
    return lines


def _file(module: str, root: Path) -> str | None:
    if module.split(".", maxsplit=1)[0] not in PACKAGES:
        return None
    path = Path(*module.split("."))
    for candidate in (path / "__init__.py", path.with_suffix(".py")):
        if (root / candidate).is_file():
            return candidate.as_posix()
    return None


@cache
def _imports(path: Path, name: str) -> list[str]:
    found: list[str] = []
    for node in _executed(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                parents = name.split(".")[: None if path.name == "__init__.py" else -1]
                above = parents[: len(parents) - node.level + 1]
                base = ".".join([*above, *([base] if base else [])])
            # What is imported from a package may be a module of it.
            found += [base, *(f"{base}.{alias.name}" for alias in node.names)]
    return found


def _executed(node: ast.AST) -> Iterator[ast.AST]:
    yield node
    skipped = node.body if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test) else []
    for child in ast.iter_child_nodes(node):
        if child not in skipped:
            yield from _executed(child)


if __name__ == "__main__":
    for argument in sys.argv[1:]:
        target = Path(argument)
        target.write_text(rewritten(target.read_text(encoding="utf-8")), encoding="utf-8")
