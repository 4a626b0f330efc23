"""dvc.yaml lists for each stage its code, its data and its parameters, no more, no less."""

import ast
import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from PIL import Image
from ruamel.yaml import YAML

from stages.code import stage_names
from tests.datasets.small_datasets import table
from tests.pipeline.clone import ROOT, Clone, make_clone
from tests.pipeline.graph import BLIND, STAGES
from wsdkd.cache.params import CacheParams
from wsdkd.ground.code import Sources
from wsdkd.networks.deferred_compiler import COMPILER

CODE = STAGES["code"]
RUNNING = "wsdkd.distill.running"
OTHERS = {name: stage for name, stage in STAGES.items() if name != "code"}


def test_it_can_be_read_in_two_minutes() -> None:
    assert len((ROOT / "dvc.yaml").read_text().splitlines()) <= 200


@pytest.mark.parametrize("stage", OTHERS)
def test_each_stage_runs_its_module_and_depends_on_its_code(stage: str) -> None:
    assert STAGES[stage]["cmd"] == f"python -m stages.{stage}"
    assert [dep for dep in STAGES[stage]["deps"] if dep.startswith("data/code")] == [f"data/code/{stage}"]


def test_the_code_of_each_stage_is_written_down() -> None:
    assert set(stage_names()) == set(OTHERS)
    assert CODE == {"cmd": "python -m stages.code", "deps": ["stages", "wsdkd"], "outs": ["data/code"]}


@pytest.mark.parametrize("stage", OTHERS)
def test_each_stage_depends_on_the_sections_it_loads(stage: str) -> None:
    loaded = _sections(f"stages.{stage}")
    assert loaded
    assert loaded == {key.partition(".")[0] for key in STAGES[stage]["params"]}


def _sections(module: str, function: str | None = None) -> set[str]:
    """Sections that a stage's module loads, or a function in it, and those that functions of others load."""
    tree: ast.AST = ast.parse((ROOT / f"{module.replace('.', '/')}.py").read_text())
    imported = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    if function is not None:
        (tree,) = (n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef) and n.name == function)
    calls = [
        node for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    ]
    named = {
        call.args[0].value
        for call in calls
        if call.func.id == "load_section" and isinstance(call.args[0], ast.Constant)  # type: ignore[attr-defined]
    }
    called = {call.func.id for call in calls}  # type: ignore[attr-defined]
    others = {
        (node.module, alias.name)
        for node in imported
        if node.module in {f"stages.{name}" for name in OTHERS}
        for alias in node.names
        if alias.name in called
    }
    return named.union(*(_sections(str(other), name) for other, name in others))


def test_all_of_the_cache_but_its_folder_reruns_the_cache() -> None:
    # Named one by one in dvc.yaml, as cache.folder is the students' alone.
    named = {key.removeprefix("cache.") for key in STAGES["cache_teacher"]["params"]}
    assert named == set(CacheParams.model_fields) - {"folder"}


def test_no_output_is_named_by_a_parameter() -> None:
    for stage in STAGES.values():
        assert "$" not in json.dumps(stage["outs"])


def test_the_parameters_of_a_fresh_clone_are_the_default_profile() -> None:
    assert (ROOT / "params.yaml").read_text() == (ROOT / "profiles/scenes.yaml").read_text()


def test_where_the_teacher_is_kept_its_code_is_an_input_of_the_stage_that_keeps_it() -> None:
    assert RUNNING in Sources().digests("stages.cache_teacher")


@pytest.mark.parametrize("stage", OTHERS)
def test_a_stage_imports_nothing_by_a_computed_name(stage: str) -> None:
    # No digest would cover it.
    sources = Sources()
    for module in sources.digests(f"stages.{stage}"):
        if "/" in module:  # a template, which imports nothing
            continue
        path = sources.path(module)
        assert path
        if module == "stages.teacher_cache":  # but for a teacher that runs along: running.json has its digest
            assert re.findall(r"import_module\(.*?\)", path.read_text()) == [f'import_module("{RUNNING}")']
            continue
        if module == "wsdkd.networks.deferred_compiler":  # a library's modules, whose version is pinned
            assert all(name.startswith("torch.") for name in COMPILER)
            continue
        assert not re.search(r"import_module\(|__import__\(", path.read_text()), path


def test_nothing_but_python_and_templates_lies_beside_the_code() -> None:
    """A stage that read a table from its package would not rerun with it; templates of pages are digested."""
    listed = subprocess.run(
        ["git", "ls-files", "stages", "wsdkd"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    template = re.compile(r"wsdkd/.+/templates/[^./][^/]*\.(html|css|js)")
    others = [
        path for path in listed.stdout.splitlines() if not (path.endswith(".py") or template.fullmatch(path))
    ]
    assert others == ["wsdkd/py.typed"], "let wsdkd.ground.code digest this file, too, and .dvcignore pass it"


@pytest.mark.parametrize("stage", BLIND)
def test_no_training_stage_sees_annotated_boxes(stage: str) -> None:
    assert "data/prepared/objects.parquet" not in STAGES[stage]["deps"]
    assert not any(dep.rstrip("/") in ("data", "data/prepared") for dep in STAGES[stage]["deps"])
    assert "wsdkd.data.annotations" not in Sources().digests(f"stages.{stage}")


@pytest.fixture
def clone(tmp_path: Path) -> Clone:
    return make_clone(tmp_path / "project")


@pytest.mark.parametrize(
    ("draw", "mine"),
    [
        # What a parameter named was an output, which DVC empties before the stage runs.
        ("draw: [photos]", "data/photos/mine.jpg"),
        ("draw: [scenes]", "data/scenes/mine.jpg"),
        ("draw: [scenes]", "data/scenes/images/train/cat.jpg"),
    ],
)
def test_a_user_s_own_pictures_are_never_deleted(clone: Clone, draw: str, mine: str) -> None:
    params, picture = clone.root / "params.yaml", clone.root / mine
    params.write_text(params.read_text().replace("draw: [scenes]", draw))
    picture.parent.mkdir(parents=True)
    picture.write_text("mine")
    told = clone.failing_dvc("repro")
    assert picture.read_text() == "mine"
    assert "error: params.yaml: dataset.draw.0: " in told or f"error: {mine}: not drawn by" in told
    if mine.startswith("data/scenes"):
        shutil.rmtree(picture.parent)
        clone.repro("draw_scenes@scenes")
        assert (clone.root / "data/scenes/annotations/instances_train.json").is_file()


def test_a_dataset_may_be_watched_by_a_listing_of_its_files(clone: Clone) -> None:
    raw, listing = clone.root / "raw", "list_photographs@photographs"
    keys = table(raw)
    data = YAML(typ="safe", pure=True).load((clone.root / "params.yaml").read_text())
    data["dataset"] = {"root": "data/listing", "draw": [], "listed": {"photographs": "raw"}, **keys}
    (clone.root / "params.yaml").write_text(json.dumps(data))
    assert clone.repro("prepare") == {"code", listing, "prepare"}
    before = (clone.root / "data/prepared/images.parquet").read_bytes()
    # What DVC depends on is one file; that of a user's folder it knows nothing.
    assert "path: raw" not in (clone.root / "dvc.lock").read_text()
    assert clone.repro("prepare") == {listing}
    assert clone.changed() & {listing, "prepare"} == {listing}
    picture = next(path for path in sorted(raw.rglob("*.jpg")))
    then = picture.stat()
    with Image.open(picture) as opened:
        image = opened.convert("RGB")
    image.save(picture, "JPEG", quality=30)
    os.utime(picture, ns=(then.st_atime_ns, then.st_mtime_ns))
    assert clone.repro("prepare") == {listing, "prepare"}
    assert (clone.root / "data/prepared/images.parquet").read_bytes() != before


def test_files_that_editors_leave_behind_rerun_nothing(clone: Clone) -> None:
    clone.repro("code")
    for folder in ("stages", "wsdkd", "wsdkd/ground"):
        for name in (".x.py.swp", "x.py~", "#x.py#", "x.py.orig", "4913", "__pycache__/x.cpython-311.pyc"):
            path = clone.root / folder / name
            path.parent.mkdir(exist_ok=True)
            path.write_text("left behind")
        (clone.root / folder / ".#x.py").symlink_to("somebody@somewhere.1:2")  # a lock of Emacs
    assert "code" not in clone.changed()
    (clone.root / "wsdkd/ground/x.py").write_text("")
    assert "code" in clone.changed()
