"""dvc.yaml lists for each stage the modules it imports and the parameters it reads, no more, no less."""

import ast
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from tests.pipeline.closure import MODULE, ROOT, closure, rewritten
from wsdkd.cache.params import CacheParams

TRAINING = (
    "propose",
    "train_teacher",
    "cache_teacher",
    "train_baseline",
    "distill_features",
    "distill_predictions",
)


def _stages() -> dict[str, dict[str, list[str]]]:
    stages = YAML(typ="safe", pure=True).load((ROOT / "dvc.yaml").read_text())["stages"]
    return {name: stage.get("do", stage) for name, stage in stages.items()}


STAGES = _stages()


@pytest.mark.parametrize("stage", STAGES)
def test_each_stage_lists_exactly_the_modules_it_imports(stage: str) -> None:
    listed = [dep for dep in STAGES[stage]["deps"] if MODULE.match(f"{dep},")]
    imported = closure(f"stages.{stage}")
    missing, surplus = sorted(set(imported) - set(listed)), sorted(set(listed) - set(imported))
    assert listed == imported, (
        f"dvc.yaml, stage {stage}: add {missing or 'nothing'}, remove {surplus or 'nothing'}; `make deps` "
        f"does it, or paste:\n{_as_written(stage)}"
    )


@pytest.mark.parametrize("stage", ["prepare", "evaluate"])
def test_the_closure_holds_all_that_is_really_imported(stage: str) -> None:
    # The closure is read from source; this is what the interpreter says.
    code = f"import sys, json, stages.{stage}; print(json.dumps(sorted(sys.modules)))"
    output = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, check=True).stdout
    loaded = {name for name in json.loads(output) if name.split(".")[0] in ("stages", "wsdkd")}
    known = {_module(path) for path in closure(f"stages.{stage}")}
    assert loaded <= known


@pytest.mark.parametrize("stage", STAGES)
def test_each_stage_depends_on_the_sections_it_loads(stage: str) -> None:
    tree = ast.parse((ROOT / f"stages/{stage}.py").read_text())
    loaded = {
        node.args[0].value
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id == "load_section"
        and isinstance(node.args[0], ast.Constant)
    }
    assert loaded == {key.partition(".")[0] for key in STAGES[stage]["params"]}


def test_all_of_the_cache_but_its_folder_reruns_the_cache() -> None:
    # Named one by one in dvc.yaml, as cache.folder is the students' alone.
    named = {key.removeprefix("cache.") for key in STAGES["cache_teacher"]["params"]}
    assert named == set(CacheParams.model_fields) - {"folder"}


def test_the_parameters_of_a_fresh_clone_are_the_default_profile() -> None:
    assert (ROOT / "params.yaml").read_text() == (ROOT / "profiles/scenes.yaml").read_text()


def test_nothing_is_imported_by_a_computed_name() -> None:
    # The closure could not see it.
    for path in [*ROOT.glob("stages/*.py"), *ROOT.glob("wsdkd/**/*.py")]:
        assert not re.search(r"import_module\(|__import__\(", path.read_text()), path


@pytest.mark.parametrize("stage", TRAINING)
def test_no_training_stage_sees_annotated_boxes(stage: str) -> None:
    assert "data/prepared/objects.parquet" not in STAGES[stage]["deps"]
    assert not any(dep.rstrip("/") in ("data", "data/prepared") for dep in STAGES[stage]["deps"])
    assert "wsdkd/data/annotations.py" not in closure(f"stages.{stage}")


def test_the_closure_of_a_small_package(tmp_path: Path) -> None:
    files = {
        "stages/__init__.py": "",
        "stages/one.py": "import wsdkd.a\nfrom wsdkd.deep import inner\nimport json\n",
        "wsdkd/__init__.py": "",
        "wsdkd/a.py": (
            "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import wsdkd.types\n"
            "def f():\n    from wsdkd import late\n"
        ),
        "wsdkd/late.py": "",
        "wsdkd/types.py": "",
        "wsdkd/unused.py": "",
        "wsdkd/deep/__init__.py": "",
        "wsdkd/deep/inner.py": "from . import sibling\nfrom .sibling import x\n",
        "wsdkd/deep/sibling.py": "from .. import a\nx = 1\n",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    expected = set(files) - {"wsdkd/types.py", "wsdkd/unused.py"}
    assert closure("stages.one", tmp_path) == sorted(expected)


def test_rewriting_reaches_every_stage() -> None:
    text = (ROOT / "dvc.yaml").read_text()
    stale = text.replace("wsdkd/ground/errors.py, ", "")
    assert stale.count("wsdkd/ground/errors.py") < text.count("wsdkd/ground/errors.py") == len(STAGES)
    assert rewritten(stale) == text


def test_rewriting_changes_modules_alone() -> None:
    text = (ROOT / "dvc.yaml").read_text()
    stale = text.replace("wsdkd/ground/errors.py, ", "", 1).replace("stages/run.py,", "stages/gone.py,", 1)
    assert stale != text
    assert rewritten(stale) == rewritten(text)
    assert rewritten(rewritten(text)) == rewritten(text)


def _as_written(stage: str) -> str:
    found = re.search(
        rf"cmd: python -m stages\.{stage}\n.*?\]\n", rewritten((ROOT / "dvc.yaml").read_text()), re.S
    )
    assert found
    return found[0]


def _module(path: str) -> str:
    return path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
