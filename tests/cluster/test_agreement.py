from pathlib import Path

from wsdkd.cluster.dask_map import UNREADABLE, disagreement, surroundings
from wsdkd.cluster.map_pictures import first_middle_last


def test_a_process_agrees_with_itself(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("a")
    files = [tmp_path / "a", tmp_path / "gone"]
    found = surroundings(files)
    assert dict(found.files)[str(tmp_path / "gone")] == UNREADABLE
    assert disagreement(found, surroundings(files)) is None


def test_what_differs_is_said(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("a")
    asked = surroundings([tmp_path / "a"])
    path = str(tmp_path / "a")
    cases = {
        "has other code of the package wsdkd": asked._replace(code="0" * 64),
        "has numpy 0.1, not numpy ": asked._replace(packages=("numpy 0.1",)),
        f"cannot read {path}; the same folder": asked._replace(files=((path, UNREADABLE),)),
        f"finds another file at {path};": asked._replace(files=((path, "0" * 64),)),
    }
    for message, found in cases.items():
        assert str(disagreement(asked, found)).startswith(message)


def test_a_few_of_many() -> None:
    assert first_middle_last(range(101)) == [0, 50, 100]
    assert first_middle_last([1, 2]) == [1, 2]
    assert first_middle_last([1]) == [1]
    assert first_middle_last([]) == []
