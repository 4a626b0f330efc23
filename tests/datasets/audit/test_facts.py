from dataclasses import replace
from pathlib import Path

import pytest

from tests.datasets.audit.test_summary import GOOD, prepared
from wsdkd.data.tables import ImageRow
from wsdkd.datasets.audit.count import EXAMPLES, facts_of
from wsdkd.datasets.audit.facts import read_facts, write_facts
from wsdkd.datasets.audit.summary import summary
from wsdkd.datasets.audit.together import groups_of, together
from wsdkd.datasets.reading.rejections import Cause, Rejection
from wsdkd.ground.errors import UserError


def rows(*labels: tuple[int, ...]) -> list[ImageRow]:
    return [ImageRow(f"{n}", f"{n}", 9, 9, "train", each, (), f"{n}") for n, each in enumerate(labels)]


def test_classes_that_are_in_the_very_same_images_cannot_be_told_apart() -> None:
    found = together(rows((0, 1), (0, 1, 2), (2,), (3, 4), (5,)), 7)
    assert found.same == ((0, 1), (3, 4))  # class 6 has no image, and is together with none


def test_a_class_that_never_comes_without_another_is_told_in_that_direction_alone() -> None:
    found = together(rows((0, 1), (0, 1), (0, 1), (1,), (2, 3), (2,)), 4)
    assert found.never_without == ((0, 1, 3),)  # 3 is never without 2, but in one image alone
    assert found.same == ()
    assert together([], 2).never_without == ()


def test_images_hang_together_through_others() -> None:
    linked = [("b", "c"), ("d", "c"), ("x", "y"), ("e", "gone")]
    assert groups_of(linked, {"b", "c", "d", "x", "y", "e"}) == [("b", "c", "d"), ("x", "y")]


def test_the_summary_tells_copies_odd_sizes_and_classes_that_are_one() -> None:
    images = [("t", (0, 1)), ("t", (0, 1, 2)), ("t", (2,)), ("v", (2,)), ("x", (0, 1))]
    dataset = prepared(("sea", "water", "boat"), *images)
    tall = replace(dataset.images[4], width=60, height=400)
    dataset = replace(
        dataset,
        images=(*dataset.images[:4], tall),
        copies=(("0.jpg", "1.jpg"), ("2.jpg", "3.jpg")),
        near=(("0.jpg", "4.jpg"),),
    )
    lines = summary(facts_of(dataset), "rejected.csv")
    assert "warning: classes that are always together, so that nothing tells them apart: sea, water" in lines
    assert "4 images in 2 groups are byte for byte the same, 1 of them in several splits" in lines
    assert "2 images in 1 group differ as files, but look alike, 1 of them in several splits" in lines
    assert "1 image of an odd size, such as 4.jpg: 60 x 400 pixels" in lines


def test_what_is_written_is_read_again_and_equal_bytes(tmp_path: Path) -> None:
    rejected = tuple(
        Rejection("image", f"{n}", "caf\udce9.jpg", "gone", Cause.MISSING) for n in range(EXAMPLES + 5)
    )
    facts = facts_of(replace(GOOD, rejected=rejected, notes=("a table",)))
    for name in ("one.json", "two.json"):
        write_facts(tmp_path / name, facts)
    assert (tmp_path / "one.json").read_bytes() == (tmp_path / "two.json").read_bytes()
    assert read_facts(tmp_path / "one.json") == facts
    assert (facts.doubts[0].count, len(facts.doubts[0].examples)) == (EXAMPLES + 5, EXAMPLES)
    assert facts.doubts[0].examples[0] == ("0", "caf\\udce9.jpg", "gone")
    assert facts.labels == ((0, 0, 0), (12, 0, 2), (0, 1, 0))


@pytest.mark.parametrize(
    ("content", "message"),
    [("{}", "notes: Field required"), ("[]", "content: Input should be"), ("{", "not JSON")],
)
def test_another_file_is_refused_in_a_line(tmp_path: Path, content: str, message: str) -> None:
    path = tmp_path / "audit.json"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(UserError) as refusal:
        read_facts(path)
    assert str(refusal.value).startswith(str(path))
    assert message in str(refusal.value)
    assert "\n" not in str(refusal.value)
