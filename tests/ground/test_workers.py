import pytest

from wsdkd.ground.errors import UserError
from wsdkd.ground.workers import CHUNKS_AHEAD, map_ordered, worker_count


def test_results_come_in_the_order_of_the_items_whatever_the_number_of_workers() -> None:
    items = [str(number) for number in range(101)]
    expected = list(range(101))
    assert list(map_ordered(int, items, "here", workers=1)) == expected
    assert list(map_ordered(int, items, "there", workers=2)) == expected


def test_no_items_need_no_workers() -> None:
    assert list(map_ordered(int, [], "nothing", workers=4)) == []


def test_an_exception_in_a_worker_arrives() -> None:
    with pytest.raises(ValueError, match="invalid literal"):
        list(map_ordered(int, ["1", "x"], "bad", workers=2))


def test_the_variable_sets_the_number_of_workers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WSDKD_WORKERS", "3")
    assert worker_count() == 3
    monkeypatch.delenv("WSDKD_WORKERS")
    assert worker_count() >= 1


@pytest.mark.parametrize("text", ["0", "two", "-1", "1.5"])
def test_another_number_of_workers_is_refused(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WSDKD_WORKERS", text)
    with pytest.raises(UserError, match=f"WSDKD_WORKERS={text}: expected a whole number above zero"):
        worker_count()


def test_of_many_items_few_are_under_way() -> None:
    class Counted(list[str]):
        asked = 0

        def __getitem__(self, place: object) -> object:
            assert isinstance(place, slice)
            Counted.asked = max(Counted.asked, place.stop)
            return super().__getitem__(place)

    results = map_ordered(int, Counted(["7"] * 20_000), "many", workers=2)
    assert next(results) == 7
    assert Counted.asked <= 32 * 2 * CHUNKS_AHEAD
    results.close()
