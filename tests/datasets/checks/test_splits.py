import random
from typing import Any

import pytest

from tests.datasets.checks import straightforward
from wsdkd.data.tables import EVERY_SPLIT
from wsdkd.datasets.checks.splits import hold_out, is_set_aside, moved_together, split_groups
from wsdkd.datasets.reading.records import ImageRecord

IDS = [f"{number:06d}" for number in range(2000)]


def train(ids: list[str]) -> list[ImageRecord]:
    return [ImageRecord(image_id, image_id, "train", ()) for image_id in ids]


def held(records: list[ImageRecord]) -> set[str]:
    return {record.image_id for record in records if record.split == "val"}


def test_the_share_is_about_what_was_asked_for() -> None:
    assert 160 < len(held(hold_out(train(IDS), "val", 0.1, 0))) < 240
    assert held(hold_out(train(IDS), "val", 0.0, 0)) == set()


def test_adding_an_image_moves_no_other() -> None:
    before = held(hold_out(train(IDS), "val", 0.1, 0))
    after = held(hold_out(train(["new", *reversed(IDS)]), "val", 0.1, 0))
    assert after - {"new"} == before


def test_a_larger_share_puts_none_back() -> None:
    assert held(hold_out(train(IDS), "val", 0.1, 0)) < held(hold_out(train(IDS), "val", 0.2, 0))


def test_another_seed_takes_others() -> None:
    assert held(hold_out(train(IDS), "val", 0.1, 0)) != held(hold_out(train(IDS), "val", 0.1, 1))


def test_a_split_val_of_the_dataset_is_left_alone() -> None:
    records = [*train(IDS), ImageRecord("own", "own", "val", ())]
    assert hold_out(records, "val", 0.5, 0) == records


def test_test_images_are_never_taken() -> None:
    records = [ImageRecord(image_id, image_id, "test", ()) for image_id in IDS]
    assert hold_out(records, "val", 0.9, 0) == records


def test_validation_is_not_chosen_by_the_hash_that_chose_test() -> None:
    test = {image_id for image_id in IDS if is_set_aside(image_id, 0.5, 0, "test")}
    val = {image_id for image_id in IDS if is_set_aside(image_id, 0.5, 0, "val")}
    assert 400 < len(test & val) < 600


def test_a_group_moves_as_one() -> None:
    # Bursts of four: with each image on its own, hardly one in ten thousand would stay together.
    records = [ImageRecord(i, i, "train", (), group=f"burst {int(i) // 4}") for i in IDS]
    moved = held(hold_out(records, "val", 0.3, 0))
    groups = {int(image_id) // 4 for image_id in moved}
    assert len(moved) == 4 * len(groups)
    assert 100 < len(groups) < 200


def labelled(*classes: tuple[int, ...]) -> list[ImageRecord]:
    return [ImageRecord(f"{place}", f"{place}", "train", labels) for place, labels in enumerate(classes)]


def splits_of(records: list[ImageRecord], fraction: float = 0.1, seed: int = 0) -> list[ImageRecord]:
    return hold_out(hold_out(records, "test", fraction, seed), "val", fraction, seed)


def test_small_classes_have_images_in_every_split() -> None:
    # Twenty classes of three images: by chance alone most would miss a split.
    records = labelled(*((number % 20,) for number in range(60)))
    for seed in range(5):
        found = splits_of(records, seed=seed)
        for label in range(20):
            splits = sorted(record.split for record in found if record.labels == (label,))
            assert splits == ["test", "train", "val"]


def test_train_comes_first_where_there_are_too_few() -> None:
    found = splits_of(labelled((0,), (1,), (1,), (2,), (2,), (2,)), fraction=0.9)
    assert {label for record in found if record.split == "train" for label in record.labels} == {0, 1, 2}


def test_a_stand_in_never_takes_the_last_training_image_of_another_class() -> None:
    for seed in range(20):
        records = labelled((0, 1), (0, 2), (1, 2, 3))
        found = hold_out(records, "val", 0.01, seed)
        assert 3 in {label for record in found if record.split == "train" for label in record.labels}


def test_an_added_image_moves_stand_ins_alone() -> None:
    # Large classes without stand-ins do not move at all; a small class moves its one stand-in at most.
    records = labelled(*((number % 4,) for number in range(400)), *((4,) for _ in range(5)))
    before = {record.image_id: record.split for record in splits_of(records)}
    for number in range(40):
        new = ImageRecord(f"new {number}", "new", "train", (4,))
        after = {record.image_id: record.split for record in splits_of([*records, new])}
        moved = [name for name, split in before.items() if after[name] != split]
        assert len(moved) <= 2
        assert all(int(name) >= 400 for name in moved)


def test_the_order_of_images_changes_nothing() -> None:
    records = labelled(*((number % 7, 7 + number % 3) for number in range(40)))
    forward, backward = splits_of(records), splits_of(records[::-1])
    assert sorted(forward, key=lambda record: record.image_id) == sorted(
        backward, key=lambda record: record.image_id
    )


def test_groups_and_copies_hang_together_through_one_another() -> None:
    records = [
        ImageRecord("a", "a", "train", (), group="g"),
        ImageRecord("b", "b", "train", (), group="g"),
        ImageRecord("c", "c", "train", ()),
        ImageRecord("d", "d", "train", (), group="h"),
        ImageRecord("e", "e", "train", ()),
        ImageRecord("f", "f", "train", ()),
        ImageRecord("z", "z", "train", ()),
    ]
    a, b, c, d, e, f, z = records
    # That of a is its own group, as it is without copies.
    expected = {"b": "g", "c": "g", "d": "g", "e": "e", "f": "e"}
    assert moved_together(records, [(c, b), (c, d), (f, e)]) == expected
    assert (a.group, z.group) == ("g", None)


def test_whole_groups_hang_together_through_copies_of_one_image_each() -> None:
    groups = {"a": "g", "b": "g", "c": "h", "d": "h", "e": "", "f": "i", "x": "x"}
    records = {name: ImageRecord(name, name, "train", (), group=group) for name, group in groups.items()}
    copies = [(records["c"], records["b"]), (records["e"], records["d"])]
    keys = moved_together(list(records.values()), copies)
    assert {name: keys.get(name, groups[name]) for name in groups} == {
        **dict.fromkeys("abcde", "g"),
        "f": "i",
        "x": "x",
    }


def test_a_group_that_the_dataset_has_in_two_splits_is_named() -> None:
    records = [
        ImageRecord(name, name, split, (), group=group)
        for name, split, group in (("a", "train", "g"), ("b", "test", "g"), ("c", "train", "h"))
    ]
    assert [(item.kind, item.path, item.reason) for item in split_groups(records)] == [
        ("warning", "a", "group 'g' is in splits train, test")
    ]


@pytest.mark.parametrize("seed", range(40))
def test_images_are_set_aside_as_the_plain_way_does(seed: int) -> None:
    rng = random.Random(seed)
    classes, share = rng.choice([2, 6, 30]), rng.choice([0.02, 0.3, 0.9])
    records = [
        ImageRecord(
            f"{number}",
            f"{number}.jpg",
            rng.choice(["train", "train", "train", *EVERY_SPLIT]),
            tuple(sorted(rng.sample(range(classes), min(classes, rng.choice([0, 1, 2, 4]))))),
            group=rng.choice([None, None, "", f"g{rng.randrange(9)}", f"{number + 1}"]),
        )
        for number in range(rng.choice([2, 20, 150]))
    ]
    together = {record.image_id: f"{rng.randrange(5)}" for record in records if rng.random() < 0.1}
    split: Any = rng.choice(["val", "test", "unlabelled"])
    if split != "unlabelled":
        records = [record for record in records if record.split != split]
    expected = straightforward.hold_out(records, split, share, seed, together)
    assert hold_out(records, split, share, seed, together) == expected


def test_of_a_group_in_several_splits_the_first_image_is_named() -> None:
    rng = random.Random(0)
    records = [
        ImageRecord(f"{n}", f"{n}", rng.choice(EVERY_SPLIT), (), group=rng.choice([None, "", *"abcdefgh"]))
        for n in range(40)
    ]
    expected = []
    for group in dict.fromkeys(record.group for record in records if record.group):
        those = [record for record in records if record.group == group]
        splits = [split for split in EVERY_SPLIT if split in {record.split for record in those}]
        if len({"train" if split == "unlabelled" else split for split in splits}) > 1:
            expected.append((those[0].path, f"group {group!r} is in splits {', '.join(splits)}"))
    assert len(expected) > 2
    assert [(item.path, item.reason) for item in split_groups(records)] == expected
