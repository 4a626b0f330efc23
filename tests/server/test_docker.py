"""The Dockerfile, without Docker: it passes its linter, and its steps, taken one by one, make a server.

In the place of what `pip install` downloads stand the same packages of this environment, and no others.
"""

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from importlib.metadata import files
from pathlib import Path

import httpx
import numpy as np
import pytest
import torch
from PIL import Image

from tests.training.small_world import CLASSES, STUDENT
from wsdkd.data.images import load_square
from wsdkd.evaluation.operating_point import operating_point
from wsdkd.evaluation.params import EvaluationParams
from wsdkd.serving.export import export_student
from wsdkd.serving.exported import INPUT, OUTPUT, session
from wsdkd.student.network import LoadedStudent, Student

ROOT = Path(__file__).parents[2]
DOCKERFILE = ROOT / "Dockerfile"
LOCK = ROOT / "requirements-serve.lock"

# torch's exporter meets its own deprecations.
pytestmark = pytest.mark.filterwarnings("default")


def steps() -> list[tuple[str, str]]:
    """Instructions with what follows them."""
    lines = [line for line in DOCKERFILE.read_text().splitlines() if line and not line.startswith("#")]
    return [(word, rest) for word, _, rest in (line.partition(" ") for line in lines)]


def locked(path: Path) -> dict[str, str]:
    return dict(re.findall(r"^([\w.-]+)==(\S+)$", path.read_text(), re.M))


def test_its_linter_has_nothing_to_say() -> None:
    found = subprocess.run(["hadolint", DOCKERFILE], capture_output=True, text=True, check=False)
    assert (found.returncode, found.stdout, found.stderr) == (0, "", "")


def test_what_it_installs_is_pinned_as_everywhere_and_is_without_pytorch() -> None:
    here = locked(LOCK)
    others = [locked(path) for path in sorted(ROOT.glob("requirements*.lock")) if path != LOCK]
    for name, version in here.items():
        assert {lock[name] for lock in others if name in lock} == {version}, name
    assert not {"torch", "torchvision", "timm", "dvc", "prefect"} & here.keys()


def test_what_does_not_belong_into_the_image_is_not_sent_to_docker() -> None:
    copied = {rest.split()[0] for word, rest in steps() if word == "COPY"}
    lines = (ROOT / ".dockerignore").read_text().split()
    assert lines[0] == "*"
    assert {line[1:] for line in lines if line.startswith("!")} == copied


@pytest.fixture
def image(tmp_path: Path) -> tuple[Path, list[str], dict[str, str]]:
    """Its folder, its command and its environment."""
    work, command = tmp_path, list[str]()
    environment = {"PATH": os.environ["PATH"]}
    for word, rest in steps():
        if word == "ENV":
            environment |= dict(each.split("=") for each in rest.split())
        elif word == "WORKDIR":
            work = tmp_path / rest.lstrip("/")
            work.mkdir(parents=True)
        elif word == "COPY":
            source, target = rest.split()
            if (ROOT / source).is_dir():
                shutil.copytree(ROOT / source, work / target, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy(ROOT / source, work / target)
        elif word == "RUN":
            assert rest == f"pip install --no-cache-dir --no-deps -r {LOCK.name}"
            environment["PYTHONPATH"] = str(installed(locked(work / LOCK.name), tmp_path / "packages"))
        elif word == "CMD":
            command = json.loads(rest)
        else:
            assert word in ("FROM", "USER", "EXPOSE", "HEALTHCHECK")
    return work, command, environment


def installed(names: dict[str, str], folder: Path) -> Path:
    folder.mkdir()
    for name in names:
        parts = {file.parts[0]: file for file in files(name) or () if file.parts[0] != ".."}
        for part, file in parts.items():
            whole = Path(str(file.locate()))
            (folder / part).symlink_to(whole.parents[len(file.parts) - 2] if len(file.parts) > 1 else whole)
    return folder


@pytest.fixture
def address(
    image: tuple[Path, list[str], dict[str, str]],
) -> Iterator[str]:
    """A server of the image, with a student in it."""
    work, command, environment = image
    torch.manual_seed(0)
    model = Student(STUDENT, len(CLASSES)).eval()
    torch.nn.init.normal_(model.classifier.weight)
    point = operating_point(None, len(CLASSES), EvaluationParams())
    export_student(LoadedStudent(model, STUDENT, CLASSES), point, work / "student.onnx")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    assert command[0] == "python"
    command = [sys.executable, "-S", *(port if each == "8000" else each for each in command[1:])]
    process = subprocess.Popen(command, cwd=work, env=environment, stderr=subprocess.PIPE, text=True)
    try:
        for _ in range(600):
            try:
                if httpx.get(f"http://127.0.0.1:{port}/health").status_code == 200:
                    break
            except httpx.TransportError:
                assert process.poll() is None, process.stderr and process.stderr.read()
                time.sleep(0.1)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.kill()
        process.communicate()


def test_its_steps_make_a_server_that_answers_what_the_file_says(address: str, tmp_path: Path) -> None:
    pixels = np.random.default_rng(1).integers(0, 255, (40, 60, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(tmp_path / "picture.png")
    content = (tmp_path / "picture.png").read_bytes()
    batch = load_square(tmp_path / "picture.png", STUDENT.input_size).transpose(2, 0, 1)[None]
    running = session(tmp_path / "srv/student.onnx")
    expected = running.run([OUTPUT], {INPUT: np.ascontiguousarray(batch)})[0][0]
    assert np.ptp(expected) > 0.05
    with httpx.Client(base_url=address, timeout=60) as client:
        answer = client.post("/predict", content=content, params={"heat": True}).json()
        assert answer["student"] == "student"
        assert list(answer["scores"]) == CLASSES
        assert list(answer["scores"].values()) == pytest.approx(expected, abs=1e-5)
        given = {each["name"] for each in answer["labels"]}
        assert given == {name for name, score in zip(CLASSES, expected, strict=True) if score > 0.5}
        assert answer["heat"] == {}  # an exported file cannot say
        assert client.post("/predict", content=content[:200]).status_code == 422
        assert client.get("/students").json() == ["student"]
        assert client.get("/health").json()["thresholds"].startswith("0.5")
        assert "wsdkd_answers_total" in client.get("/metrics").text
        assert "Try a student" in client.get("/").text
