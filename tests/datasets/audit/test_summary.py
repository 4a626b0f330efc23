from dataclasses import replace
from typing import Any

import pytest

from wsdkd.data.tables import ImageRow
from wsdkd.datasets.audit.count import facts_of
from wsdkd.datasets.audit.refuse import refuse_unusable
from wsdkd.datasets.audit.summary import summary
from wsdkd.datasets.params import TableDataset
from wsdkd.datasets.prepare import Prepared
from wsdkd.datasets.reading.rejections import Cause, DatasetError, Rejection

SPLIT = {"t": "train", "v": "val", "x": "test", "u": "unlabelled"}


def prepared(classes: tuple[str, ...], *images: tuple[str, tuple[int, ...]], **more: Any) -> Prepared:
    rows = tuple(
        ImageRow(f"{place}.jpg", f"{place}.jpg", 60, 40, SPLIT[split], labels, (), f"{place}")
        for place, (split, labels) in enumerate(images)
    )
    return Prepared(classes, rows, (), more.pop("rejected", ()), 0, **more)


GOOD = prepared(
    ("cat", "dog"), *(("t", (number % 2,)) for number in range(12)), ("v", (0, 1)), ("x", (0,)), ("x", (1,))
)


def lines(dataset: Prepared) -> list[str]:
    return summary(facts_of(dataset), "rejected.csv")


def refuse(dataset: Prepared, **changes: Any) -> None:
    refuse_unusable(dataset, TableDataset(format="table", root="r", **changes), "rejected.csv")


def test_a_dataset_without_doubts_is_summed_up_in_five_lines() -> None:
    assert lines(GOOD) == [
        "15 images (12 train, 1 val, 2 test), 2 classes, 0 boxes; rejected: 0 images, 0 objects",
        "labels an image: 1.07, 1 to 2; 0 images without any",
        "  images a class    train      val     test",
        "  cat                   6        1        1",
        "  dog                   6        1        1",
    ]
    refuse(GOOD)


def test_unlabelled_images_are_counted_apart_and_are_no_images_without_any_label() -> None:
    hidden = prepared(GOOD.classes, *(("u", ()) for _ in range(40)))
    rows = tuple(replace(row, image_id=f"u{row.image_id}", ignored=(0, 1)) for row in hidden.images)
    found = replace(GOOD, images=(*GOOD.images, *rows))
    first, *others = lines(found)
    assert first.startswith("55 images (12 train, 1 val, 2 test, 40 unlabelled), 2 classes, 0 boxes; ")
    assert others == lines(GOOD)[1:]
    refuse(found)


def test_classes_without_images_in_a_split_are_named() -> None:
    found = lines(prepared(("cat", "dog", "cow"), ("t", (0,)), ("t", (0, 1)), ("v", (0,)), ("x", (0, 2))))
    assert "warning: 1 class without an image in split train: cow" in found
    assert "warning: 2 classes without an image in split val: dog, cow" in found
    assert "warning: 1 class without an image in split test: dog" in found
    assert "warning: 2 classes with fewer than 5 training images: cat, dog" in found
    always = "warning: 1 class present in every training image, so that there is nothing to tell it from: cat"
    assert always in found


def test_of_many_classes_those_with_the_fewest_training_images_are_shown() -> None:
    names = tuple(f"class {number:02d}" for number in range(20))
    images = [("t", (label,)) for label in range(20) for _ in range(30 - label)]
    found = lines(prepared(names, *images, ("v", (0,)), ("x", (0,))))
    shown = [line for line in found if line.startswith("  class")]
    assert [line.split()[1] for line in shown] == [f"{number:02d}" for number in range(19, 7, -1)]
    assert "  8 more classes, with 23 to 30 training images" in found


def test_names_that_differ_by_a_hair_and_unlabelled_images_are_said() -> None:
    images = [("t", (place,)) for place in range(4)] + [("t", ())] * 6
    found = lines(prepared(("Cat", "cat", "cat_", "dog"), *images, ("v", (0,)), ("x", (0,))))
    assert "warning: classes that differ by case, blanks or dashes alone: 'Cat', 'cat', 'cat_'" in found
    assert "warning: 6 of 10 training images have no label" in found


def test_doubts_are_counted_by_cause_with_the_fix_and_an_example() -> None:
    rejected = (
        Rejection("image", "a", "a.jpg", "cannot be read: No such file", Cause.MISSING),
        Rejection("image", "b", "b.jpg", "cannot be read: No such file", Cause.MISSING),
        Rejection("object", "c", "c.jpg", "box (0, 0, 0, 0) is empty", Cause.EMPTY_BOX),
    )
    found = lines(replace(GOOD, rejected=rejected))
    assert found[0].endswith("rejected: 2 images, 1 object")
    assert found[-3:] == [
        f"image rejected, 2 x the file is missing; {Cause.MISSING.fix} "
        "(such as a.jpg: cannot be read: No such file)",
        f"object rejected, 1 x {Cause.EMPTY_BOX.words}; {Cause.EMPTY_BOX.fix} "
        "(such as c.jpg: box (0, 0, 0, 0) is empty)",
        "all of them are listed in rejected.csv",
    ]


def test_one_class_alone_is_refused() -> None:
    alone = prepared(("cat",), ("t", (0,)), ("t", ()), ("v", (0,)), ("x", (0,)))
    with pytest.raises(
        DatasetError, match=r"^there is one class alone, 'cat': .* softmax .*; label a second"
    ):
        refuse(alone)


def test_a_training_split_without_any_label_is_refused() -> None:
    with pytest.raises(DatasetError, match=r"^no image in split train has a label"):
        refuse(prepared(("cat", "dog"), ("t", ()), ("t", ()), ("v", (0,)), ("x", (1,))))


def test_a_split_to_test_on_without_any_label_is_refused() -> None:
    rows = (("t", (0,)), ("v", (1,)), ("x", ()), ("x", ()), ("x", ()))
    with pytest.raises(DatasetError, match=r"no image in split test has a label, such as .*unlabelled"):
        refuse(prepared(("cat", "dog"), *rows))
    refuse(prepared(("cat", "dog"), *rows, ("x", (0,))))


def test_the_refusal_of_too_many_is_one_line_with_the_causes_and_the_way_out() -> None:
    rejected = [Rejection("image", f"{n}", f"{n}.jpg", "gone", Cause.MISSING) for n in range(3)]
    rejected += [
        Rejection("image", "x", "x.jpg", "r" * 500, cause)
        for cause in (Cause.DAMAGED, Cause.TOO_LARGE, Cause.ANNOTATION)
    ]
    with pytest.raises(DatasetError) as refusal:
        refuse(replace(GOOD, rejected=tuple(rejected)), max_rejected=5)
    message = str(refusal.value)
    start = "6 images cannot be used, more than dataset.max_rejected: 5; 3 x the file is missing"
    assert message.startswith(start)
    assert message.endswith("; 1 more causes; rejected.csv lists all with the reason")
    assert "\n" not in message
    assert len(message) < 900
    refuse(replace(GOOD, rejected=tuple(rejected)), max_rejected=6)
