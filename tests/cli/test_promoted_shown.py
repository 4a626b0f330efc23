"""What ``wsdkd promoted`` shows, keeps and takes back."""

import json
import shutil
from hashlib import sha256
from importlib import metadata
from pathlib import Path

import pytest

from tests.cache import synthetic_teacher as synthetic
from tests.cli.promotions import asked, consider, promote_unmeasured, run
from tests.serving.small_project import set_params
from wsdkd.ground.errors import UserError


def test_provenance(project: Path) -> None:
    Path("dvc.lock").write_text("schema: '2.0'\n")
    synthetic.write(Path("data/teacher_cache"), Path("scratch"), synthetic.make_rows(4))
    manifest = json.loads(Path("data/teacher_cache/cache.json").read_text())
    set_params(project, margin=0.5)
    consider("--run", "nightly", "--commit", "c0ffee", "--dirty", "a b.py", "--dirty", "c.py")
    shown = asked("show", "1")
    found = shown["provenance"]
    assert found["code"] == {"commit": "c0ffee", "dirty": ["a b.py", "c.py"], "run": "nightly"}
    digests = {
        found["dvc_lock"]: "dvc.lock",
        found["data"]: "data/prepared/images.parquet",
        found["student"]["weights"]: "models/student/model.safetensors",
        found["student"]["description"]: "models/student/model.json",
    }
    for digest, path in digests.items():
        assert digest == sha256(Path(path).read_bytes()).hexdigest()
    assert found["cache"] == manifest["fingerprint"]
    assert found["packages"]["torch"] == metadata.version("torch")
    assert found["promotion"]["margin"] == 0.5
    assert not found["forced"]
    text = run("show").stdout
    for told in ("version 1, in use: models/promoted/versions/0001", "c0ffee", "a b.py; c.py", "nightly"):
        assert told in text
    with pytest.raises(UserError, match="--dirty needs --commit"):
        run("consider", "--dirty", "x.py")


def test_list_and_rollback_for_people(project: Path) -> None:
    promote_unmeasured(project, "bad")
    promote_unmeasured(project, "good")
    rows = [line.split() for line in run("list").stdout.splitlines() if "mAP" in line]
    assert [row[0] for row in rows] == ["1", "*"]
    assert [row["version"] for row in asked("list")] == [1, 2]
    # In a log of 80 columns, too, nothing is cut off.
    assert "…" not in run("list").stdout
    times = [row["time"] for row in asked("list")]
    assert [row[1:4] if row[0] == "*" else row[:3] for row in rows] == [
        [str(number), time[:10], time[11:16]] for number, time in enumerate(times, start=1)
    ]
    assert "metrics, figures in percent\n" in run("show", "1").stdout
    assert "version 1 is in use again, in place of 2: models/promoted/versions/0001" in run("rollback").stdout
    assert [row["current"] for row in asked("list")] == [True, False]
    shutil.rmtree("models/promoted/versions/0002")
    assert "files deleted" in run("list").stdout
    assert [row["value"] is None for row in asked("list")] == [False, True]
    with pytest.raises(UserError, match=r"0002/metrics\.json: no such file; the version was promoted"):
        run("show", "2")
    with pytest.raises(UserError, match="no version 7; promoted were: 1, 2"):
        run("show", "7")


def test_rebuild_for_people(project: Path) -> None:
    promote_unmeasured(project, "bad")
    promote_unmeasured(project, "good")
    ledger = Path("models/promoted/promoted.json")
    before = json.loads(ledger.read_text())
    ledger.write_text("{")
    Path("models/promoted/versions/0001/model.json").write_text("rot")
    result = run("rebuild")
    assert "left out: version 1: " in result.stderr
    assert "promoted.json.damaged-1: the file that was there before" in result.stdout
    assert "version 2 is in use: models/promoted/versions/0002" in result.stdout
    assert Path("models/promoted/promoted.json.damaged-1").read_text() == "{"
    ledger.unlink()
    assert asked("rebuild")["current"] == before["current"] == 2
    assert asked("list")[0]["version"] == 2


def test_nothing_promoted_yet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for command in ("list", "show", "rollback", "rebuild", "consider"):
        with pytest.raises(UserError, match=r"not a project's folder: there is no dvc\.yaml"):
            run(command)
    (tmp_path / "dvc.yaml").touch()
    assert asked("list") == []
    assert "no student is promoted yet" in run("list").stdout
    for command in ("show", "rollback"):
        with pytest.raises(UserError, match="no student is promoted yet"):
            run(command)
    with pytest.raises(UserError, match=r"models/student/model\.json: no such file"):
        run("consider")
    assert [path.name for path in tmp_path.iterdir()] == ["dvc.yaml"]
