"""A dataset that lies in another folder now: its audit has the same bytes, so that no report is made anew."""

import shutil
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from pydantic import TypeAdapter

from tests.datasets.small_datasets import SMALL
from tests.datasets.written_forms import FORMS, write
from wsdkd.datasets.audit.facts import read_facts
from wsdkd.datasets.on_disk import write_prepared
from wsdkd.datasets.params import DatasetParams, ScenesDataset
from wsdkd.datasets.reading.picture_files import is_picture
from wsdkd.datasets.reading.rejections import DatasetError
from wsdkd.datasets.scenes.write_coco import write_scenes

AUTO = "WebDataset"
"""The form that is read as ``auto``, too."""
SCENES = ScenesDataset(
    format="scenes", root="scenes", train_images=6, val_images=3, test_images=3, side=32, seed=1
)


def _dataset(form: str, root: Path) -> dict[str, Any]:
    if form in SMALL:
        root.mkdir()
        return SMALL[form](root)
    write_scenes(Path("scenes"), SCENES)
    write(AUTO if form == "auto" else form, Path("scenes"), root)
    return {"format": "auto"} if form == "auto" else FORMS[form][0]


@pytest.mark.parametrize("form", [*SMALL, *FORMS, "auto"])
def test_its_audit_has_equal_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, form: str) -> None:
    monkeypatch.chdir(tmp_path)
    keys = _dataset(form, Path("raw"))
    damaged = [path for path in sorted(Path("raw").rglob("*.*")) if is_picture(path.name)][:1]
    for path in damaged:
        path.write_bytes(b"no picture")
    shutil.copytree("raw", "else where/raw.2")
    found = []
    for place, root in enumerate(("raw", str(tmp_path / "else where/raw.2"))):
        params = TypeAdapter(DatasetParams).validate_python({"root": root, "max_rejected": 9, **keys})
        with suppress(DatasetError):  # of what is too small to learn from, which is audited before
            write_prepared(Path(root), params, Path(f"prepared{place}"))
        found.append(Path(f"prepared{place}/audit.json"))
    assert found[0].read_text() == found[1].read_text()
    facts = read_facts(found[0])
    assert sum(doubt.count for doubt in facts.doubts if doubt.kind == "image") >= len(damaged)
