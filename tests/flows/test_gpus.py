"""Who waits for a machine's GPUs has them soon after they are free."""

import itertools
import subprocess
import sys

import pytest

from tests.flows.flow_project import PATIENCE, Server
from tests.pipeline.clone import make_clone

pytestmark = pytest.mark.long

HOLDERS = 4
# Every holder asks at its own time, so that some questions are under way when the GPUs become free.
HOLD = """
import sys, time
from flows.gpus import gpu_limit
from flows.processes import Processes
from flows.tasks import gpus_of_this_machine
time.sleep(float(sys.argv[1]))
with gpus_of_this_machine(gpu_limit(), Processes(), print):
    started = time.time()
    time.sleep(2)
    print("held", started, time.time())
"""


def test_the_gpus_pass_from_one_to_the_next(server: Server, tmp_path_factory: pytest.TempPathFactory) -> None:
    clone = make_clone(tmp_path_factory.mktemp("gpus") / "project")
    environment = {**clone.environment(), "PREFECT_API_URL": server.url, "WSDKD_GPUS": "1"}
    holders = [
        subprocess.Popen(
            [sys.executable, "-c", HOLD, str(0.7 * place)],
            cwd=clone.root,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for place in range(HOLDERS)
    ]
    outputs = [holder.communicate(timeout=PATIENCE)[0] for holder in holders]
    assert [holder.returncode for holder in holders] == [0] * HOLDERS, "\n".join(outputs)
    assert any("Waiting for gpu-" in output for output in outputs)
    assert not any("ERROR" in output for output in outputs)
    spans = sorted(tuple(map(float, output.split("held ")[1].split()[:2])) for output in outputs)
    assert all(before[1] <= after[0] for before, after in itertools.pairwise(spans))
    # None was given to somebody who had stopped listening: that takes a minute to be taken back.
    assert max(after[0] - before[1] for before, after in itertools.pairwise(spans)) < 15
