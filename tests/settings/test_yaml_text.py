"""Parameter files of strangers cost neither memory nor time; values are taken as they were typed."""

import os
import re
import time
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from wsdkd.datasets.params import DatasetParams
from wsdkd.ground.errors import UserError
from wsdkd.settings import yaml_text
from wsdkd.settings.sections import ParamsError, parse_section, read_params
from wsdkd.settings.yaml_text import MOST_LETTERS, load_yaml, typed_value

ROOT = Path(__file__).parents[2]
SOURCE = Path("params.yaml")

# Each line is the one before nine times: a billion values in ten lines.
LAUGHS = "a0: &a0 ha\n" + "".join(f"a{n + 1}: &a{n + 1} [{', '.join([f'*a{n}'] * 9)}]\n" for n in range(10))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (LAUGHS, "line 7: more than 100,000 values"),
        ("a: " + "[" * 100_000, "line 1: more than 30 levels of nesting"),
        ("".join(f"{' ' * depth}a:\n" for depth in range(200)), "line 31: more than 30 levels of nesting"),
        ("a: &a\n  b: [*a]", "line 2: \\*a contains itself"),
        ("a: *b", "not valid YAML: line 1, column 4: found undefined alias 'b'"),
        ("x" * (MOST_LETTERS + 1), "1,048,577 letters, more than the limit of 1,048,576"),
        ("a: {b: 1", "not valid YAML: line 1, column 9: expected"),
        ("a: 1\nb: 1\na: 2", "not valid YAML: line 3, column 1: found duplicate key"),
        ("a: 2001-13-45", "not valid YAML: month must be in 1..12"),
        ("a: 1" + "0" * 9000, "not valid YAML: Exceeds the limit"),
        ("a: \x01", "not valid YAML: unacceptable character"),
        ("a: !!python/object/apply:os.system [ls]", "not valid YAML: line 1, column 4: could not determine"),
        ("--- 1\n--- 2", "not valid YAML: line 2, column 1: but found another document"),
    ],
)
def test_a_text_that_is_refused_costs_little(text: str, message: str) -> None:
    before = time.process_time()
    with pytest.raises(UserError, match=f"^{SOURCE}: {message}") as caught:
        load_yaml(text, SOURCE)
    assert "\n" not in str(caught.value)
    assert time.process_time() - before < 5


def test_what_was_read_is_the_callers_own() -> None:
    text = "a: &a [1]\nb: *a\n"
    load_yaml(text, SOURCE)["a"].append(2)
    assert load_yaml(text, SOURCE) == {"a": [1], "b": [1]}


def test_a_text_that_is_read_again_is_not_parsed_again(monkeypatch: pytest.MonkeyPatch) -> None:
    text = "a: 1 # as no other test has it\n"
    assert load_yaml(text, SOURCE) == {"a": 1}
    monkeypatch.delattr(yaml_text, "YAML")
    assert load_yaml(text, SOURCE) == {"a": 1}


def test_aliases_within_bounds_are_read() -> None:
    assert load_yaml("a: &a [1, 2]\nb: {c: *a, d: *a}", SOURCE) == {
        "a": [1, 2],
        "b": {"c": [1, 2], "d": [1, 2]},
    }
    merged = load_yaml("a: &a {x: 1}\nb: {<<: *a, y: 2}", SOURCE)
    assert merged["b"] == {"x": 1, "y": 2}


@pytest.mark.parametrize("profile", sorted((ROOT / "profiles").glob("*.yaml")), ids=lambda path: path.stem)
def test_a_profile_is_read_as_ruamel_reads_it(profile: Path) -> None:
    text = profile.read_text(encoding="utf-8")
    assert load_yaml(text, profile) == YAML(typ="safe", pure=True).load(text)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("dataset: {? [1, 2] : 3}", r"dataset\.\(1, 2\): a key should be text"),
        ("teacher: {roi: {7: 7}}", r"teacher\.roi\.7: a key should be text"),
    ],
)
def test_keys_are_text(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "params.yaml"
    path.write_text(text)
    with pytest.raises(ParamsError, match=f"^{path}: {message}$"):
        read_params(path)


def test_what_is_no_parameter_file_is_one_line(tmp_path: Path) -> None:
    path = tmp_path / "params.yaml"
    path.write_bytes("dataset: {root: M\u00fcnchen}".encode("latin-1"))
    with pytest.raises(ParamsError, match=rf"^{path}: not UTF-8 \(byte 17: [^\n]*\)$"):
        read_params(path)
    with pytest.raises(ParamsError, match=rf"^{tmp_path}: a folder, where a file should be$"):
        read_params(tmp_path)
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(ParamsError, match=r"pipe: a pipe, where a file should be$"):
        read_params(tmp_path / "pipe")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        *[("5", 5), ("1e-3", 1e-3), ("-2.5", -2.5), ("true", True), ("null", None), ("~", None), ("", None)],
        *[("[96, 128]", [96, 128]), ("[]", []), ("{a: 1}", {"a": 1}), ("'5'", "5"), ('"a\\tb"', "a\tb")],
        # Everything else is text, whatever YAML makes of it.
        *[
            (text, text)
            for text in (" ", "|", ">", ";", ",", "\t", "-", "- a", "*a", "&a", "!a", "%", "@a", "`")
        ],
        *[
            (text, text)
            for text in ("no", "labels #2.csv", "a: b", "1 2", "5 # five", "C:\\photos", "2024-01-01")
        ],
        *[(text, text) for text in ("[2020] photos", "{x", "'a' # b", "it's", "[*a]", "[" * 50 + "]" * 50)],
    ],
)
def test_a_value_is_taken_as_it_was_typed(text: str, value: Any) -> None:
    found = typed_value(text)
    assert found == value
    assert type(found) is type(value)


def test_the_users_home(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/somebody")
    assert typed_value("~/photos #1") == "/home/somebody/photos #1"
    assert typed_value("a~/photos") == "a~/photos"


def test_a_tilde_in_a_file_is_refused_with_the_folder_to_write(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/somebody")
    data = read_params(ROOT / "profiles/voc2007.yaml")
    data["dataset"]["root"] = "~/VOC2007"
    message = (
        "params.yaml: dataset.root: DVC reads this file too, and expands no ~: write /home/somebody/VOC2007"
    )
    with pytest.raises(ParamsError, match=f"^{re.escape(message)}$"):
        parse_section(data, "dataset", DatasetParams, SOURCE)
