"""``wsdkd predict`` loads what labels a picture, and not what trains or compiles, nor looks for garbage."""

import subprocess
import sys
from pathlib import Path

HEAVY = (
    "accelerate", "boto3", "cv2", "dvc", "dvclive", "h5py", "matplotlib", "onnx", "onnxruntime", "pandas",
    "prefect", "pyarrow", "scipy", "sklearn", "sympy", "torch._dynamo", "torch._inductor",
    "torchvision.transforms.v2", "wsdkd.training.loop",
)  # fmt: skip
"""Of which each takes a tenth of a second to several seconds to import."""


def test_what_trains_or_compiles_is_not_loaded_and_the_rest_at_once(made: Path) -> None:
    program = (
        "import atexit, gc, sys\n"
        "looks = []\n"
        "gc.callbacks.append(lambda phase, now: looks.append(now['generation']))\n"
        "from wsdkd.cli.main import main\n"
        "def tell():\n"
        f"    print(*[name for name in {HEAVY} if name in sys.modules], file=sys.stderr)\n"
        "    left_out = gc.get_freeze_count() > 100_000\n"
        "    print('torch' in sys.modules, looks.count(2), left_out, file=sys.stderr)\n"
        "atexit.register(tell)\n"
        "main()\n"
    )
    picture = next((made / "pictures").glob("*.png"))
    words = ["predict", str(picture), "--model", str(made / "models/good"), "--csv"]
    found = subprocess.run(
        [sys.executable, "-c", program, *words], capture_output=True, text=True, check=False
    )
    assert found.returncode == 0, found.stderr
    assert str(picture) in found.stdout
    heavy, garbage = found.stderr.splitlines()[-2:]
    assert heavy == ""
    assert garbage == "True 0 True", "whether all objects were looked at for garbage, then, or at the end"
