from pathlib import Path

import pytest

from wsdkd.datasets.params import NusWideDataset
from wsdkd.datasets.published.nuswide import read_nuswide
from wsdkd.datasets.reading.records import ImageRecord
from wsdkd.datasets.reading.rejections import DatasetError, Rejection

DROP = NusWideDataset(format="nuswide", root="r")
KEEP = NusWideDataset(format="nuswide", root="r", unlabelled="keep")


@pytest.fixture
def distribution(tmp_path: Path) -> Path:
    # As the official files are: carriage returns, spaces at the ends of lines, backslashes.
    labels = tmp_path / "Groundtruth" / "TrainTestLabels"
    labels.mkdir(parents=True)
    (tmp_path / "ImageList").mkdir()
    (tmp_path / "Concepts81.txt").write_text("airport\r\nsky \r\n")
    (tmp_path / "ImageList" / "TrainImagelist.txt").write_text(
        "actor\\0001_1.jpg \r\nactor\\0002_2.jpg\r\nzoo\\0003_3.jpg\r\n"
    )
    (tmp_path / "ImageList" / "TestImagelist.txt").write_text("zoo\\0004_4.jpg\r\n")
    for name, train, test in (("airport", "1 \n0 \n0 \n", "0\n"), ("sky", "1 \n1 \n0 \n", "1\n")):
        (labels / f"Labels_{name}_Train.txt").write_text(train)
        (labels / f"Labels_{name}_Test.txt").write_text(test)
    return tmp_path


def test_lists_and_labels_go_together(distribution: Path) -> None:
    reading = read_nuswide(distribution, KEEP)
    assert reading.classes == ("airport", "sky")
    assert reading.images == (
        ImageRecord("actor/0001_1.jpg", "Flickr/actor/0001_1.jpg", "train", (0, 1)),
        ImageRecord("actor/0002_2.jpg", "Flickr/actor/0002_2.jpg", "train", (1,)),
        ImageRecord("zoo/0003_3.jpg", "Flickr/zoo/0003_3.jpg", "train", ()),
        ImageRecord("zoo/0004_4.jpg", "Flickr/zoo/0004_4.jpg", "test", (1,)),
    )
    assert (reading.rejected, reading.dropped) == ((), 0)


def test_unlabelled_images_are_dropped_by_name(distribution: Path) -> None:
    reading = read_nuswide(distribution, DROP)
    assert [record.image_id for record in reading.images] == [
        "actor/0001_1.jpg",
        "actor/0002_2.jpg",
        "zoo/0004_4.jpg",
    ]
    assert reading.dropped == 1


def test_the_concepts_may_lie_in_their_own_folder(distribution: Path) -> None:
    (distribution / "ConceptsList").mkdir()
    (distribution / "Concepts81.txt").rename(distribution / "ConceptsList" / "Concepts81.txt")
    assert read_nuswide(distribution, DROP).classes == ("airport", "sky")
    (distribution / "ConceptsList" / "Concepts81.txt").unlink()
    with pytest.raises(DatasetError, match=r"Concepts81.txt: no such file, nor ConceptsList/Concepts81.txt"):
        read_nuswide(distribution, DROP)


def test_a_label_that_is_neither_0_nor_1_rejects_its_image(distribution: Path) -> None:
    (distribution / "Groundtruth/TrainTestLabels/Labels_sky_Train.txt").write_text("1\n2\n0\n")
    reading = read_nuswide(distribution, DROP)
    reason = "its line of Labels_sky_Train.txt is neither 0 nor 1"
    expected = Rejection("image", "actor/0002_2.jpg", "Flickr/actor/0002_2.jpg", reason)
    assert reading.rejected == (expected,)
    assert [record.image_id for record in reading.images] == ["actor/0001_1.jpg", "zoo/0004_4.jpg"]


def test_labels_of_another_number_of_images_are_refused(distribution: Path) -> None:
    (distribution / "Groundtruth/TrainTestLabels/Labels_sky_Train.txt").write_text("1\n1\n")
    with pytest.raises(
        DatasetError, match=r"Labels_sky_Train.txt: 2 labels, but TrainImagelist.txt lists 3 images"
    ):
        read_nuswide(distribution, DROP)


@pytest.mark.parametrize(
    "name", ["ImageList/TestImagelist.txt", "Groundtruth/TrainTestLabels/Labels_airport_Test.txt"]
)
def test_a_missing_file_is_refused(name: str, distribution: Path) -> None:
    (distribution / name).unlink()
    with pytest.raises(DatasetError, match=f"{name}: no such file"):
        read_nuswide(distribution, DROP)


def test_a_path_with_dots_is_spelled_one_way(distribution: Path) -> None:
    (distribution / "ImageList" / "TestImagelist.txt").write_text("..\\..\\secret.jpg\n")
    assert read_nuswide(distribution, DROP).images[-1].path == "../secret.jpg"  # which check.py refuses
