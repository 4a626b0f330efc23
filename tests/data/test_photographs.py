from pathlib import Path

import pytest

from wsdkd.data.photographs import photographs_folder
from wsdkd.data.tables import ImageRow, read_images, write_images
from wsdkd.ground.errors import UserError

ROW = ImageRow("a", "a.jpg", 8, 8, "train", (0,), (), "0" * 64)


@pytest.fixture
def params(tmp_path: Path) -> Path:
    path = tmp_path / "params.yaml"
    path.write_text("dataset: {format: table, root: photos}\n")
    return path


def test_paths_are_relative_to_the_root_or_to_what_the_table_tells(tmp_path: Path, params: Path) -> None:
    images = tmp_path / "images.parquet"
    write_images(images, [ROW])
    plain = images.read_bytes()
    assert photographs_folder(images, params) == Path("photos")
    write_images(images, [ROW], Path("data/unpacked"))
    assert photographs_folder(images, params) == Path("data/unpacked")
    assert read_images(images) == [ROW]
    write_images(images, [ROW])
    assert images.read_bytes() == plain


def test_a_table_that_is_missing_or_damaged_is_named(tmp_path: Path, params: Path) -> None:
    with pytest.raises(UserError, match=r"images.parquet: no such file; run the stage"):
        photographs_folder(tmp_path / "images.parquet", params)
    (tmp_path / "images.parquet").write_text("no table")
    with pytest.raises(UserError, match=r"images.parquet: "):
        photographs_folder(tmp_path / "images.parquet", params)
