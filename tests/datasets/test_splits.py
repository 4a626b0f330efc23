from wsdkd.datasets.records import ImageRecord
from wsdkd.datasets.splits import hold_out, is_set_aside

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
