"""Which modules a stage imports, and when what they do is another thing."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from wsdkd.ground import code
from wsdkd.ground.code import Sources, differing, written

ROOT = Path(__file__).parents[2]
# A package of all kinds of imports; what nothing imports, or a type checker alone, is marked.
FILES = {
    "stages/__init__.py": "",
    "stages/one.py": "import wsdkd.a\nfrom wsdkd.deep import inner\nimport json\nimport wsdkdx.no\n",
    "wsdkd/__init__.py": "",
    "wsdkd/a.py": (
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import wsdkd.types\n"
        "else:\n    import wsdkd.otherwise\n"
        "def f():\n    try:\n        from wsdkd import late\n"
        "    except ImportError:\n        import wsdkd.fallback\n"
    ),
    "wsdkd/late.py": "if not TYPE_CHECKING:\n    from wsdkd import running\n",
    "wsdkd/running.py": "",
    "wsdkd/otherwise.py": "match x:\n    case 1:\n        from . import matched\n",
    "wsdkd/matched.py": "",
    "wsdkd/fallback.py": "import typing\nwith x:\n    if typing.TYPE_CHECKING:\n        import wsdkd.types\n",
    "wsdkd/types.py": "# of type checkers alone",
    "wsdkd/unused.py": "# of nobody",
    "wsdkd/deep/__init__.py": "from . import beside\nfrom .. import above\n",
    "wsdkd/deep/beside.py": "",
    "wsdkd/above.py": "",
    "wsdkd/deep/inner.py": "from . import sibling\nfrom .sibling import x\n",
    "wsdkd/deep/sibling.py": "from ..a import f\nfrom .further.end import y\nx = 1\n",
    "wsdkd/deep/further/__init__.py": "",
    "wsdkd/deep/further/end.py": "from ... import b\ny = 1\n",
    "wsdkd/b.py": "",
    "wsdkdx/__init__.py": "# of a package that is not ours",
    "wsdkdx/no.py": "# likewise",
}


def _write(folder: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)


def _module(path: str) -> str:
    return path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def test_all_that_runs_is_found_and_no_more(tmp_path: Path) -> None:
    _write(tmp_path, FILES)
    expected = sorted(_module(path) for path, text in FILES.items() if not text.startswith("#"))
    found = Sources(folder=tmp_path).digests("stages.one")
    assert list(found) == expected
    assert Sources(folder=tmp_path).digests("wsdkd.b").keys() == {"wsdkd", "wsdkd.b"}
    with pytest.raises(ModuleNotFoundError, match=r"no module stages\.gone in "):
        Sources(folder=tmp_path).digests("stages.gone")


@pytest.mark.parametrize("stage", ["prepare", "evaluate"])
def test_what_python_really_imports_is_found(stage: str) -> None:
    program = f"import sys, json, stages.{stage}; print(json.dumps(sorted(sys.modules)))"
    output = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, check=True).stdout
    loaded = {name for name in json.loads(output) if name.split(".")[0] in ("stages", "wsdkd")}
    assert loaded <= Sources().digests(f"stages.{stage}").keys()


def test_nothing_is_imported_to_be_read() -> None:
    program = (
        "import sys; from wsdkd.ground.code import Sources; found = Sources().digests('stages.evaluate')\n"
        "assert 'wsdkd.teacher.network' in found\n"
        "print(*sorted(name for name in sys.modules if name in found))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == [
        "wsdkd",
        "wsdkd.ground",
        "wsdkd.ground.allocator",
        "wsdkd.ground.code",
    ]


def _digest(folder: Path, text: str) -> str:
    _write(folder, {"wsdkd/__init__.py": "", "wsdkd/m.py": text})
    return Sources(["wsdkd"], folder).digests("wsdkd.m")["wsdkd.m"]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("x = 1", "# why\nx = 1  # how\n"),
        ('"""Of old."""\nx = 1', '"""Told anew."""\nx = 1'),
        ("def f():\n    return 1", 'def f():\n    """One."""\n    return 1'),
        ("class A:\n    x: int", 'class A:\n    """A."""\n\n    x: int\n    """Its x."""'),
        ("x = f(a, b)", "x = f(\n    a,\n    b,\n)"),
        ("x = 'a' 'b'", 'x = "ab"'),
        ("x = (a + b) + c", "x = a + b + c"),
        ("if a:\n  b()", "if a:\n        b()"),
    ],
)
def test_comments_docstrings_and_layout_do_not_count(tmp_path: Path, before: str, after: str) -> None:
    assert _digest(tmp_path, before) == _digest(tmp_path, after)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("x = 1", "x = True"),
        ("x = 1", "x = 1.0"),
        ("x = None", "x = 'None'"),
        ("x = ''", "x = None"),
        ("x = ['', 'a']", "x = ['a']"),
        ("x = a - (b - c)", "x = a - b - c"),
        ("x = f'{a!r:>{b}}'", "x = f'{a!s:>{b}}'"),
        ("def f(a, b=None): ...", "def f(a, b=0): ..."),
        ("def f(a, *, b): ...", "def f(a, b): ..."),
        ("x = {**a, 'b': 1}", "x = {a: 1, 'b': 1}"),
        ("x = [1, 2]", "x = [2, 1]"),
        ("from a import b", "from .a import b"),
        ("x = a[1:]", "x = a[:1]"),
    ],
)
def test_what_does_something_else_has_another_digest(tmp_path: Path, before: str, after: str) -> None:
    first = _digest(tmp_path, before)
    assert _digest(tmp_path, after) != first
    assert _digest(tmp_path, before) == first


def test_a_module_s_digest_is_its_own(tmp_path: Path) -> None:
    _write(tmp_path, FILES)
    before = Sources(folder=tmp_path).digests("stages.one")
    (tmp_path / "wsdkd/b.py").write_text("b = 1\n")
    after = Sources(folder=tmp_path).digests("stages.one")
    assert differing(written(before), after) == ["wsdkd.b"]
    assert differing(written(after), after) == []
    assert differing(written({**after, "wsdkd.gone": "0"}), after) == ["wsdkd.gone"]


def test_a_file_that_is_edited_after_it_was_read_is_named(tmp_path: Path) -> None:
    _write(tmp_path, FILES)
    sources = Sources(folder=tmp_path)
    sources.digests("stages.one")
    (tmp_path / "wsdkd/unused.py").write_text("unused = 1\n")
    assert sources.edited() == []
    (tmp_path / "wsdkd/b.py").write_text("b = 1\n")
    (tmp_path / "wsdkd/late.py").unlink()
    assert sorted(sources.edited()) == [tmp_path / "wsdkd/b.py", tmp_path / "wsdkd/late.py"]


def test_templates_of_a_package_count_byte_by_byte(tmp_path: Path) -> None:
    templates = {"wsdkd/deep/templates/a.html": "<p>", "wsdkd/deep/templates/.a.html.swp": "of an editor"}
    _write(tmp_path, FILES | templates | {"wsdkd/unused/templates/b.html": "of nobody"})
    before = Sources(folder=tmp_path).digests("stages.one")
    assert [name for name in before if "templates" in name] == ["wsdkd.deep/templates/a.html"]
    sources = Sources(folder=tmp_path)
    sources.digests("stages.one")
    assert sources.path("wsdkd.deep/templates/a.html") == tmp_path / "wsdkd/deep/templates/a.html"
    (tmp_path / "wsdkd/deep/templates/a.html").write_text("<p> ")
    assert sources.edited() == [tmp_path / "wsdkd/deep/templates/a.html"]
    after = Sources(folder=tmp_path).digests("stages.one")
    assert differing(written(before), after) == ["wsdkd.deep/templates/a.html"]


@pytest.mark.parametrize("version", ["3.11", "3.12", "3.13", "3.14"])
def test_another_python_finds_the_same_digests(version: str, tmp_path: Path) -> None:
    """Whoever pulls a model need not have the Python that trained it."""
    python = _python(version)
    if python is None:
        pytest.skip(f"no Python {version} here")
    # By itself, as another Python has none of the packages that the project needs.
    program = (
        "import json, runpy, sys; from pathlib import Path\n"
        "sources = runpy.run_path(sys.argv[1])['Sources'](['wsdkd'], Path(sys.argv[2]))\n"
        "found = [sources.digests(name) for name in json.load(sys.stdin)]\n"
        "print(json.dumps({name: value for each in found for name, value in each.items()}))"
    )
    strings = "x = f'{a:<{b}}', f'{a!r:>{b}}c', f'{a=}'\n"
    _write(tmp_path, {"wsdkd/__init__.py": "", "wsdkd/strings.py": strings})
    modules = [_module(path.relative_to(ROOT).as_posix()) for path in sorted(ROOT.glob("wsdkd/**/*.py"))]
    for folder, names in ((ROOT, modules), (tmp_path, ["wsdkd.strings"])):
        sources = Sources(["wsdkd"], folder)
        expected = [sources.digests(name) for name in names]
        done = subprocess.run(
            [python, "-c", program, code.__file__, str(folder)],
            input=json.dumps(names),
            capture_output=True,
            text=True,
            check=True,
        )
        assert json.loads(done.stdout) == {name: value for each in expected for name, value in each.items()}


def _python(version: str) -> str | None:
    """An interpreter of that version that runs: a shim on the path may not."""
    found = shutil.which(f"python{version}")
    for candidate in [found, *sorted(Path.home().glob(f".pyenv/versions/{version}.*/bin/python"))]:
        if (
            candidate
            and subprocess.run([candidate, "-c", ""], capture_output=True, check=False).returncode == 0
        ):
            return str(candidate)
    return None
