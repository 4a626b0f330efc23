"""The tables of a suite with most labels withheld, made of tiny scenes."""

from pathlib import Path

import pytest

from benchmarks.ablation import data
from benchmarks.ablation.variants import WITHHELD
from benchmarks.ablation.workspace import FEWER
from wsdkd.data.annotations import read_objects
from wsdkd.data.tables import ImageTable, read_classes, read_images
from wsdkd.profiles import PROFILES, customised


def _images(folder: Path) -> ImageTable:
    prepared = folder / "prepared"
    return read_images(prepared / "images.parquet", num_classes=len(read_classes(prepared / "classes.json")))


def test_tables_with_most_labels_withheld_and_without_the_images_that_lack_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = PROFILES / "scenes-smoke.yaml"
    sizes = ["train_images=40", "val_images=4", "test_images=4", "side=48"]
    text = customised(source.read_text(encoding="utf-8"), [f"dataset.{size}" for size in sizes], source)
    (tmp_path / "params.yaml").write_text(text, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WSDKD_WORKERS", "1")
    data.main()
    data.withhold()
    whole, few, alone = (_images(folder) for folder in (Path("data"), *FEWER.values()))
    assert [row.image_id for row in few] == [row.image_id for row in whole]
    assert sum(row.split == "unlabelled" for row in few) == pytest.approx(40 * WITHHELD, abs=6)
    labelled = [row for row in few if row.split != "unlabelled"]
    assert list(alone) == labelled == [row for row in whole if row in labelled]
    known = {row.image_id for row in labelled}
    objects = [item for item in read_objects(Path("data/prepared/objects.parquet")) if item.image_id in known]
    for folder in FEWER.values():
        assert list(read_objects(folder / "prepared/objects.parquet")) == objects
