"""The page of labels in doubt, in a browser: keys decide, and the decisions come as a file."""

from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from tests.pages.browser import opened
from wsdkd.data.tables import ImageRow
from wsdkd.datasets.corrections import Correction, read_corrections
from wsdkd.doubts.doubts import Doubt, Evidence
from wsdkd.doubts.page import write_labels_page

CLASSES = ["cup", 'a <b>, "quoted" one', "key"]
ROW = ImageRow("a,1", "a,1.png", 80, 40, "train", (0,), (), "d")
DOUBTS = [
    Doubt(ROW, 1, False, 0.93, Evidence(0.81, (20, 10, 60, 30))),
    Doubt(ROW, 0, True, 0.02, Evidence(0.05, (0, 0, 8, 8))),
    Doubt(replace(ROW, image_id="gone", path="gone.png", split="val"), 2, False, 0.7),
]


@pytest.fixture
def page(tmp_path: Path) -> Path:
    Image.new("RGB", (80, 40), (90, 120, 150)).save(tmp_path / "a,1.png")
    write_labels_page(tmp_path / "labels.html", DOUBTS, 7, CLASSES, tmp_path)
    return tmp_path / "labels.html"


def test_a_page_says_what_is_proposed_and_where(page: Path, tmp_path: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert "The most doubtful of 7." in text
    assert "<b>a &lt;b&gt;, &#34;quoted&#34; one</b> is seen here, not labelled." in text
    assert "Labelled <b>cup</b>, but none is seen." in text
    assert '<rect class="region" x="20.0" y="10.0" width="40.0" height="20.0"/>' in text
    assert "not readable any more" in text
    assert text.count("data:image/webp") == 1  # of an image in doubt twice
    before = page.read_bytes()
    write_labels_page(page, DOUBTS, 7, CLASSES, tmp_path)
    assert page.read_bytes() == before


def test_keys_accept_refuse_and_go_back_and_the_file_is_what_prepare_reads(
    page: Path, tmp_path: Path
) -> None:
    with opened(page, accept_downloads=True) as found:
        shown = found.page.locator(".doubt:visible")
        assert shown.count() == 1
        assert "is seen here" in shown.inner_text()
        for key in ("a", "r", "ArrowRight", "ArrowLeft"):
            found.page.keyboard.press(key)
        assert found.page.inner_text("#progress") == "2 of 3: refused. Decided: 2, accepted 1, refused 1."
        found.page.keyboard.press("u")
        assert "Decided: 1, accepted 1, refused 0." in found.page.inner_text("#progress")
        found.page.keyboard.press("r")
        with found.page.expect_download() as downloaded:
            found.page.keyboard.press("d")
        downloaded.value.save_as(tmp_path / "decided.csv")
        assert downloaded.value.suggested_filename == "corrections.csv"
        found.page.reload()
        assert "Decided: 2" in found.page.inner_text("#progress")  # the browser kept them
        found.page.click("#all tbody tr:nth-child(3) a")
        assert found.page.inner_text("#progress").startswith("3 of 3.")
        assert found.errors == []
        assert {url.split("#")[0].split("/")[-1] for url in found.requests if "blob:" not in url} == {
            "labels.html"
        }
    assert read_corrections(tmp_path / "decided.csv") == [
        Correction("a,1", CLASSES[1], "absent", "present", "accepted"),
        Correction("a,1", "cup", "present", "absent", "refused"),
    ]


def test_without_a_doubt_the_page_says_so(tmp_path: Path) -> None:
    write_labels_page(tmp_path / "labels.html", [], 0, CLASSES, tmp_path)
    with opened(tmp_path / "labels.html") as found:
        found.page.keyboard.press("a")
        assert "No label is in doubt." in found.page.inner_text("header")
        assert found.errors == []
