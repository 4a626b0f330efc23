"""The command ``wsdkd`` itself: help that loads little, completion, the version, and how it ends."""

import os
import subprocess
import sys
from importlib import import_module
from importlib.metadata import version
from pathlib import Path

import pytest
import typer

from wsdkd.cli.main import COMMANDS, main

ROOT = Path(__file__).parents[2]
HEAVY = (
    "numpy",
    "pyarrow",
    "h5py",
    "matplotlib",
    "pydantic",
    "ruamel",
    "scipy",
    "torch",
    "timm",
    "accelerate",
)


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "wsdkd", *arguments]
    inherited = {**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "110"}
    return subprocess.run(
        command, env={**inherited, **environment}, capture_output=True, text=True, check=False
    )


def loaded(*arguments: str) -> set[str]:
    """Packages that a command loads."""
    done = run(*arguments, PYTHONPROFILEIMPORTTIME="1")
    assert done.returncode == 0, done.stderr
    return {line.rpartition("|")[2].strip().partition(".")[0] for line in done.stderr.splitlines()}


@pytest.mark.parametrize("option", ["--help", "-h", "--version"])
def test_help_loads_nothing_that_a_command_needs(option: str) -> None:
    assert not loaded(option) & set(HEAVY)


def test_help_of_the_commands_loads_no_network_and_no_charts() -> None:
    for name in COMMANDS:
        assert not loaded(name, "--help") & {"torch", "torchvision", "timm", "accelerate", "matplotlib"}


def test_help_lists_the_commands_by_the_first_words_of_their_own() -> None:
    said = run("-h").stdout
    for name, line in COMMANDS.items():
        command = typer.main.get_command(import_module(f"wsdkd.cli.{name}").app)
        assert " ".join((command.help or "").split()).startswith(line)
        assert any(name in row and line in row for row in said.splitlines())


def test_completion_of_commands_and_of_their_commands() -> None:
    def completed(words: str) -> set[str]:
        asked = {"_WSDKD_COMPLETE": "complete_bash", "COMP_WORDS": words, "COMP_CWORD": "1"}
        number = str(len(words.split(" ")) - 1)
        code = "import sys; sys.argv[0] = 'wsdkd'; from wsdkd.cli.main import main; main()"
        environment = {**os.environ, "PYTHONPATH": str(ROOT), **asked, "COMP_CWORD": number}
        done = subprocess.run(
            [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False
        )
        return set(done.stdout.split())

    assert completed("wsdkd pro") == {"profile", "promoted"}
    assert {"info", "verify", "estimate", "keep"} <= completed("wsdkd cache ")


def test_version() -> None:
    assert run("--version").stdout == f"wsdkd {version('wsdkd')}\n"


def test_a_typing_error_is_answered_with_the_command_that_is_meant() -> None:
    done = run("promotd", "list")
    assert done.returncode == 2
    assert "Did you mean 'promoted'?" in done.stderr


def test_a_full_disk_behind_standard_output(tmp_path: Path) -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "wsdkd", "cache", "estimate", "--help"],
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            cwd=tmp_path,
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert done.returncode == 1
    assert done.stderr == "error: standard output: the disk is full\n"


@pytest.mark.parametrize(("debug", "lines"), [([], 1), (["--debug"], 10)])
def test_a_defect_is_one_line_and_its_traceback_comes_with_debug(
    debug: list[str],
    lines: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WSDKD_DEBUG", "")
    monkeypatch.setattr("wsdkd.cli.cache.read_manifest", lambda _: {}["x"])
    monkeypatch.setattr(sys, "argv", ["wsdkd", *debug, "cache", "info"])
    with pytest.raises(SystemExit) as ended:
        main()
    said = capsys.readouterr().err
    assert ended.value.code == 1
    assert len(said.splitlines()) >= lines
    assert ("Traceback" in said) == bool(debug)
    assert "error: KeyError: 'x' in test_main.py, line " in said
