"""Batches of views: every image once an epoch, the same for any number of processes."""

from wsdkd.training.views import BatchParts, EpochViews, epoch_batches, plain_batches


def test_every_image_once() -> None:
    batches = epoch_batches(20, 5, [64], seed=1, epoch=0)
    assert sorted(view.row for batch in batches for view in batch) == list(range(20))


def test_a_remainder_waits_for_another_epoch() -> None:
    assert [len(batch) for batch in epoch_batches(23, 5, [64], seed=1, epoch=0)] == [5, 5, 5, 5]


def test_fewer_images_than_a_batch_are_one_batch() -> None:
    assert [len(batch) for batch in epoch_batches(3, 5, [64], seed=1, epoch=0)] == [3]


def test_one_size_a_batch_and_all_sizes_in_turn() -> None:
    batches = epoch_batches(400, 4, [64, 96], seed=1, epoch=0)
    sizes = [{view.size for view in batch} for batch in batches]
    assert all(len(one) == 1 for one in sizes)
    assert set.union(*sizes) == {64, 96}


def test_about_half_is_mirrored_and_epochs_differ() -> None:
    first, second = (epoch_batches(1000, 10, [64], seed=1, epoch=epoch) for epoch in (0, 1))
    assert 450 < sum(view.mirrored for batch in first for view in batch) < 550
    assert list(first) != list(second)


def test_epochs_in_a_row_are_the_epochs() -> None:
    views = EpochViews(23, 5, [64], 1, range(2, 4))
    assert len(views) == 8
    assert list(views) == [*epoch_batches(23, 5, [64], 1, 2), *epoch_batches(23, 5, [64], 1, 3)]
    assert len(EpochViews(3, 5, [64], 1, range(2))) == 2


def test_a_slice_holds_the_batches_at_its_places() -> None:
    views = EpochViews(23, 5, [64], 1, range(2))
    for batches in (plain_batches(23, 5, 64), views, BatchParts(views, 2), views[1:][::2]):
        for part in (slice(1, None, 2), slice(-2, None), slice(3, 1), slice(None, None, -1)):
            assert list(batches[part]) == list(batches)[part]
            assert len(batches[part]) == len(list(batches)[part])
        assert batches[-1] == list(batches)[-1]
