"""What is broken in any other form of dataset gives rows, listed rejections, or one line, too."""

import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter

from tests.datasets.test_mutations import BREAKS, run
from tests.datasets.written_forms import FORMS, write
from wsdkd.datasets.params import DatasetParams, ScenesDataset
from wsdkd.datasets.reading.rejections import DatasetError
from wsdkd.datasets.scenes.write_coco import write_scenes

JUNK = (
    b"\x00",
    b"\xff\xfe",
    b'"',
    b"'",
    b",,;",
    b"\n",
    b"[[",
    b"{",
    b"null",
    b"1e999",
    b"NaN",
    b"../../x",
    b"9" * 400,
)
AUTO = "WebDataset"
"""The form that is read as ``auto``, too."""


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    base = tmp_path_factory.mktemp("whole")
    params = ScenesDataset(format="scenes", root="s", train_images=6, val_images=3, test_images=3, side=32)
    write_scenes(base / "scenes", params)

    def folder(form: str) -> Path:
        if not (base / form).exists():
            write(form, base / "scenes", base / form)
        return base / form

    return folder


@pytest.mark.parametrize("form", [*FORMS, "auto"])
@settings(
    max_examples=30,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    file=st.integers(0, 10**6),
    picture=st.sampled_from([False, False, True]),
    how=st.sampled_from(BREAKS),
    place=st.integers(0, 10**6),
    value=st.one_of(st.binary(min_size=1, max_size=6), st.sampled_from(JUNK)),
)
def test_a_broken_file_is_listed_or_refused_in_a_line(
    form: str,
    whole: Callable[[str], Path],
    tmp_path: Path,
    file: int,
    picture: bool,
    how: Callable[[Path, int, bytes], None],
    place: int,
    value: bytes,
) -> None:
    root, out = tmp_path / "set", tmp_path / "out"
    for old in (root, out):
        with suppress(FileNotFoundError):
            shutil.rmtree(old)
    shutil.copytree(whole(AUTO if form == "auto" else form), root)
    files = sorted(path for path in root.rglob("*") if path.is_file())
    chosen = [path for path in files if (path.suffix == ".jpg") == picture] or files
    how(chosen[file % len(chosen)], place, value)
    keys = {"format": "auto"} if form == "auto" else FORMS[form][0]
    params = TypeAdapter(DatasetParams).validate_python({"root": str(root), "max_rejected": 99, **keys})
    try:
        lines = run(root, params, out)
    except DatasetError as error:
        lines = [str(error)]
        assert len(lines[0]) < 2000
    assert (out / "rejected.csv").read_text(encoding="utf-8").startswith("kind,image_id,path,reason,cause\n")
    assert all("\n" not in line and line for line in lines)
