"""The examples of docs/launchers: as their own tools read them, and as they run."""

import os
import stat
import subprocess
import sys
from pathlib import Path

import kubernetes_validate
import pytest
from ruamel.yaml import YAML

ROOT = Path(__file__).parents[2]
SLURM, KUBERNETES = ROOT / "docs/launchers/slurm.sh", ROOT / "docs/launchers/kubernetes.yaml"
TOOLS = Path(sys.executable).parent


def documents() -> dict[str, dict]:
    found = YAML(typ="safe", pure=True).load_all(KUBERNETES.read_text(encoding="utf-8"))
    return {each["kind"]: each for each in found}


def test_kubernetes_takes_the_manifest() -> None:
    assert set(documents()) == {"Service", "Job"}
    for document in documents().values():
        kubernetes_validate.validate(document, "1.34", strict=True)
    wrong = documents()["Job"]
    wrong["spec"]["paralelism"] = 2
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(wrong, "1.34", strict=True)


def test_the_machines_of_the_manifest_find_each_other() -> None:
    service, job = documents()["Service"], documents()["Job"]
    pod, name = job["spec"]["template"]["spec"], job["metadata"]["name"]
    (container,) = pod["containers"]
    command = container["command"]
    assert service["spec"]["selector"] == {"batch.kubernetes.io/job-name": name}
    assert pod["subdomain"] == service["metadata"]["name"]
    assert f"--rdzv-endpoint={name}-0.{pod['subdomain']}:29500" in command
    assert f"--nnodes={job['spec']['completions']}" in command
    assert job["spec"]["parallelism"] == job["spec"]["completions"]
    assert f"--nproc-per-node={container['resources']['limits']['nvidia.com/gpu']}" in command
    assert (ROOT / f"{command[-1].replace('.', '/')}.py").is_file()
    assert {mount["name"] for mount in container["volumeMounts"]} == {each["name"] for each in pod["volumes"]}


def test_the_shell_takes_the_script() -> None:
    subprocess.run(["bash", "-n", SLURM], check=True)
    subprocess.run([TOOLS / "shellcheck", SLURM], check=True)


@pytest.fixture
def slurm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cluster of two machines with four GPUs each, whose commands write down what they are given."""
    for name, does in {
        "scontrol": "printf 'node1\\nnode2\\n'",
        "srun": 'echo "srun $*" >> "$CALLED"',
        "dvc": 'echo "dvc $*" >> "$CALLED"',
    }.items():
        path = tmp_path / "bin" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"#!/bin/bash\n{does}\n")
        path.chmod(path.stat().st_mode | stat.S_IXUSR)
    variables = {"JOB_NODELIST": "node[1-2]", "JOB_NUM_NODES": "2", "GPUS_ON_NODE": "4", "JOB_ID": "7"}
    for name, value in variables.items():
        monkeypatch.setenv(f"SLURM_{name}", value)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    monkeypatch.setenv("CALLED", str(tmp_path / "called"))
    return tmp_path / "called"


def test_slurm_starts_a_torchrun_a_machine_and_dvc_takes_the_result(slurm: Path) -> None:
    subprocess.run(["bash", SLURM, "cache_teacher"], cwd=ROOT, check=True)
    started, taken = slurm.read_text().splitlines()
    assert started == (
        "srun --kill-on-bad-exit=1 torchrun --nnodes 2 --nproc-per-node 4 --rdzv-backend c10d "
        "--rdzv-endpoint node1:29500 --rdzv-id 7 -m stages.cache_teacher"
    )
    assert taken == "dvc commit --force cache_teacher"


def test_a_stage_that_fails_is_not_taken(slurm: Path) -> None:
    (slurm.parent / "bin/srun").write_text("#!/bin/bash\nexit 1\n")
    assert subprocess.run(["bash", SLURM, "cache_teacher"], cwd=ROOT, check=False).returncode == 1
    assert not slurm.exists()


@pytest.mark.parametrize(
    ("arguments", "told"), [([], "name a stage: train_teacher"), (["trian"], "no such stage")]
)
def test_a_stage_that_there_is_not_is_refused(slurm: Path, arguments: list[str], told: str) -> None:
    done = subprocess.run(["bash", SLURM, *arguments], cwd=ROOT, check=False, capture_output=True, text=True)
    assert done.returncode != 0
    assert told in done.stderr
    assert not slurm.exists()


@pytest.mark.parametrize("file", [SLURM, KUBERNETES])
def test_the_page_names_the_example(file: Path) -> None:
    assert f"(launchers/{file.name})" in (ROOT / "docs/cluster.md").read_text(encoding="utf-8")
