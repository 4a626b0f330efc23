from itertools import chain, pairwise

from tests.cache import synthetic_teacher
from wsdkd.cache.writing.scratch import PlannedShard, most_shards, plan_shards


def ids(shard: PlannedShard) -> list[str]:
    return [row.image_id for row in shard.rows]


def test_a_fresh_layout_follows_the_order_alone() -> None:
    plan = plan_shards(synthetic_teacher.make_rows(20), {}, 8)
    assert [(shard.number, len(shard.rows), shard.finished) for shard in plan] == [
        (0, 8, False),
        (1, 8, False),
        (2, 4, False),
    ]


def test_an_interrupted_run_goes_on_with_the_same_layout() -> None:
    rows = synthetic_teacher.make_rows(20)
    whole = plan_shards(rows, {}, 8)
    for finished in ([0], [1], [0, 2], [1, 2]):
        rest = plan_shards(rows, {number: ids(whole[number]) for number in finished}, 8)
        assert [ids(shard) for shard in rest] == [ids(shard) for shard in whole]
        assert [shard.number for shard in rest if shard.finished] == finished


def test_added_images_go_into_shards_of_their_own_wherever_they_sort() -> None:
    rows = synthetic_teacher.make_rows(200)
    before, added = rows[::2], rows[1:5:2]
    finished = {shard.number: ids(shard) for shard in plan_shards(before, {}, 8)}
    plan = plan_shards(sorted(before + added, key=lambda row: row.image_id), finished, 8)
    assert {shard.number: ids(shard) for shard in plan if shard.finished} == finished
    assert [ids(shard) for shard in plan if not shard.finished] == [[row.image_id for row in added]]


def test_a_removed_image_makes_its_shard_alone_stale() -> None:
    rows = synthetic_teacher.make_rows(24)
    finished = {shard.number: ids(shard) for shard in plan_shards(rows, {}, 8)}
    plan = plan_shards(rows[:9] + rows[10:], finished, 8)
    assert [shard.finished for shard in plan] == [True, False, True]
    assert len(plan[1].rows) == 7


def test_many_small_additions_are_gathered_in_the_end() -> None:
    rows, finished, counts = synthetic_teacher.make_rows(100), {}, []
    for count in range(40, 100):
        plan = plan_shards(rows[:count], finished, 20)
        finished = {shard.number: ids(shard) for shard in plan}
        counts.append(len(plan))
        assert sorted(chain.from_iterable(finished.values())) == [row.image_id for row in rows[:count]]
    assert max(counts) <= most_shards(100, 20)
    assert any(later < earlier for earlier, later in pairwise(counts))


def test_an_image_in_two_finished_shards_is_cached_once() -> None:
    rows = synthetic_teacher.make_rows(3)
    plan = plan_shards(rows, {0: ["img-0000", "img-0001"], 1: ["img-0001", "img-0002"]}, 8)
    assert [ids(shard) for shard in plan] == [["img-0000", "img-0001"], ["img-0002"]]
