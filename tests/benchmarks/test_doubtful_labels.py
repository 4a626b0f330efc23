"""Labels that are spoiled on purpose, and how what is found of them is counted."""

from benchmarks.doubtful_labels.spoiled import Found, decided, found, spoil, tables, wrong_labels
from wsdkd.data.tables import ImageRow
from wsdkd.doubts.doubts import Doubt

ROWS = [
    ImageRow(str(n), "", 8, 8, ("train", "val", "test")[n % 3], (n % 4, 4 + n % 4), (9,), "")
    for n in range(900)
]


def test_a_tenth_of_the_labels_is_dropped_or_moved_and_none_of_the_test_split() -> None:
    spoiled = spoil(ROWS, 10, 0.1, seed=3)
    changed = [(old, new) for old, new in zip(ROWS, spoiled, strict=True) if old != new]
    assert all(old.split != "test" for old, _ in changed)
    lost = sum(len({*old.labels} - {*new.labels}) for old, new in changed)
    added = sum(len({*new.labels} - {*old.labels}) for old, new in changed)
    assert 90 < lost < 150  # of 1,200
    assert 0.35 * lost < added < 0.65 * lost
    assert all(9 not in new.labels for new in spoiled)
    assert len(wrong_labels(spoiled, ROWS)) == lost + added
    assert spoil(ROWS, 10, 0.1, seed=3) == spoiled != spoil(ROWS, 10, 0.1, seed=4)


def test_what_is_found_is_counted_against_the_truth() -> None:
    wrong = {("0", 0), ("3", 7), ("6", 1), ("9", 2)}
    doubts = [
        Doubt(ROWS[0], 0, True, 0.1),
        Doubt(ROWS[1], 1, True, 0.1),
        Doubt(ROWS[3], 7, False, 0.9),
    ]
    assert found(doubts, wrong, 2) == Found(2, 0.25, 0.5)
    assert found(doubts, wrong, 4) == Found(4, 0.5, 2 / 3)
    said = [(each.image, each.proposed, each.decision) for each in decided(doubts, wrong, list("abcdefghij"))]
    assert said == [("0", "absent", "accepted"), ("1", "absent", "refused"), ("3", "present", "accepted")]


def test_the_tables_say_share_found_and_map() -> None:
    result = {
        "wrong": 8,
        "found": {"alone": [Found(4, 0.25, 0.5)], "both": [Found(4, 0.375, 0.75)]},
        "mAP": {"spoiled labels": {"baseline": 41.26}, "true labels": {"baseline": 45.0}},
    }
    assert tables(result).splitlines() == [
        "| 8 wrong labels | first 4 |",
        "|---|---:|",
        "| alone | 25 % found, 50 % right |",
        "| both | 38 % found, 75 % right |",
        "",
        "| mAP on true test labels | baseline |",
        "|---|---:|",
        "| spoiled labels | 41.3 |",
        "| true labels | 45.0 |",
    ]
