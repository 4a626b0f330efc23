"""``wsdkd predict`` loads what labels a picture, and not what trains or compiles."""

import subprocess
import sys
from pathlib import Path

HEAVY = (
    "accelerate", "boto3", "cv2", "dvc", "dvclive", "h5py", "matplotlib", "onnx", "onnxruntime", "pandas",
    "prefect", "sklearn", "sympy", "torch._dynamo", "torch._inductor", "torchvision.transforms.v2",
    "wsdkd.training.loop",
)  # fmt: skip
"""Of which each takes a tenth of a second to several seconds to import."""


def test_what_trains_or_compiles_is_not_loaded(made: Path) -> None:
    program = (
        "import sys\n"
        "from wsdkd.cli.main import app\n"
        "app(sys.argv[1:], standalone_mode=False)\n"
        f"print(*[name for name in {HEAVY} if name in sys.modules], file=sys.stderr)\n"
    )
    picture = next((made / "pictures").glob("*.png"))
    words = ["predict", str(picture), "--model", str(made / "models/good"), "--csv"]
    found = subprocess.run(
        [sys.executable, "-c", program, *words], capture_output=True, text=True, check=False
    )
    assert found.returncode == 0, found.stderr
    assert str(picture) in found.stdout
    assert found.stderr.splitlines()[-1] == ""
