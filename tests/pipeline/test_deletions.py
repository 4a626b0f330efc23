"""Every place that deletes, renames or replaces a file is known, with the reason why it is nobody's own."""

import ast
from pathlib import Path

from tests.pipeline.clone import ROOT
from tests.pipeline.graph import STAGES

DELETING = {"unlink", "rmtree", "rmdir", "rename", "renames", "removedirs"}
"""Names of functions that do so wherever they stand."""
OF_MODULES = {"remove", "move", "replace"}
"""Of ``os`` and ``shutil`` alone; lists and texts have functions of these names, too."""

KNOWN = {
    "flows/locks.py::_without_dead": "DVC's table of locks, which cannot be read",
    "flows/torn.py::mend_lock_file": "half a dvc.lock, which DVC cannot read",
    "flows/server.py::start_server": "the file with the server's address that this process wrote",
    "wsdkd/cache/writing/build.py::write": "a shard in the scratch folder that does not fit",
    "wsdkd/cache/writing/scratch.py::keep_shards": "a shard in the scratch folder, before its like is linked",
    "wsdkd/cache/writing/scratch.py::sweep": "what a killed writer left of a shard",
    "wsdkd/cache/writing/scratch.py::prune": "shards of former caches in the scratch folder, by their names",
    "wsdkd/ground/files.py::publish_file": "the own file aside, before and after it took the other's place",
    "wsdkd/ground/files.py::publish_folder": "the former folder where it is brought back",
    "wsdkd/ground/files.py::exchange": "two names change places; nothing goes",
    "wsdkd/ground/files.py::_take_place": "the former folder, whose place the new one takes",
    "wsdkd/ground/files.py::_remove": "of publish_folder and sweep: what the new one replaced, or a part",
    "wsdkd/ground/unpacked.py::_made": "arrays by their names, which a maker that was killed left unfinished",
    "wsdkd/ground/unpacked.py::_remove": "unpacked arrays, in a folder that is named after their digest",
    "wsdkd/ground/unpacked.py::_sweep": "such a folder, if it is empty",
    "wsdkd/serving/store.py::add": "the mark of the version that is finished now",
    "wsdkd/serving/store.py::rebuild": "a ledger that cannot be read gets another name, and stays",
    "wsdkd/serving/store.py::_sweep": "the version that the mark names, if it has its four files alone",
    "wsdkd/training/record.py::clear": "states of a training, by their names; an empty folder",
}


def _sites() -> set[str]:
    found = set()
    for package in ("wsdkd", "stages", "flows"):
        for path in sorted((ROOT / package).rglob("*.py")):
            tree = ast.parse(path.read_text(encoding="utf-8"))
            for function in ast.walk(tree):
                if isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef)) and _deletes(function):
                    found.add(f"{path.relative_to(ROOT).as_posix()}::{function.name}")
    return found


def _deletes(function: ast.AST) -> bool:
    for node in ast.walk(function):
        name = node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""
        if name in DELETING:
            return True
        if isinstance(node, ast.Attribute) and name in OF_MODULES and _is_of_files(function, node):
            return True
    return False


def _is_of_files(function: ast.AST, name: ast.Attribute) -> bool:
    """Whether it is of a module, or a ``replace`` with one argument: that of a text has two."""
    if ast.unparse(name.value) in ("os", "shutil"):
        return True
    calls = (node for node in ast.walk(function) if isinstance(node, ast.Call) and node.func is name)
    return name.attr == "replace" and any(len(call.args) == 1 and not call.keywords for call in calls)


def test_each_place_that_deletes_is_known_and_deletes_nothing_of_a_user_s() -> None:
    assert _sites() == set(KNOWN)


def test_each_output_lies_where_the_pipeline_alone_writes() -> None:
    """DVC removes outputs before their stage runs: none may be a folder for files of a user's own."""
    listed = [out for stage in STAGES.values() for out in stage["outs"]]
    outs = [Path(out if isinstance(out, str) else next(iter(out))) for out in listed]
    assert {out.parts[0] for out in outs} == {"data", "models", "reports"}
    for users in map(
        Path, ("inputs", "data/raw", "models/promoted", "raw", ".dvc", "profiles", "params.yaml")
    ):
        for out in outs:
            assert users not in (out, *out.parents)
            assert out not in users.parents
