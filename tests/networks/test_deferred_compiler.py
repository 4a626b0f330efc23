"""torch's compiler is loaded when it is asked for, and not before."""

import subprocess
import sys

import pytest

PROGRAMS = {
    "what imports it": """
import wsdkd.networks.roi_pooling, wsdkd.networks.timm_models, torch
model = wsdkd.networks.timm_models.timm.create_model("tf_efficientnet_lite0").eval()
with torch.inference_mode():
    model(torch.zeros(1, 3, 64, 64))
assert not [name for name in sys.modules if name.startswith(("sympy", "torch._dynamo", "torch._inductor"))]
""",
    "stages that train nothing": """
import stages.cache_teacher, stages.evaluate
assert "wsdkd.training.augmentation" in sys.modules and "wsdkd.cache.writing.selection" in sys.modules
assert not [name for name in sys.modules if name.startswith(("sympy", "torch._dynamo", "torch._inductor"))]
""",
    "counting multiply-adds": """
import torch
from wsdkd.evaluation.cost import count_multiply_adds
layer = torch.nn.Conv2d(3, 8, 3, padding=1)
assert count_multiply_adds(lambda: layer(torch.zeros(1, 3, 10, 10))) == 8 * 3 * 9 * 100
assert not [name for name in sys.modules if name.startswith(("sympy", "torch._dynamo", "torch._inductor"))]
""",
    "a function that was handed out": """
from wsdkd.networks.deferred_compiler import compiler_deferred
with compiler_deferred():
    from torch._dynamo.utils import is_compile_supported
    import torch
    twice = torch.compiler.disable(lambda number: 2 * number)
assert twice(3) == 6 and twice.__name__ == "<lambda>"
assert "torch._dynamo" not in sys.modules
import torch._dynamo.utils
assert torch._dynamo.utils.is_compile_supported is not is_compile_supported
assert is_compile_supported("cpu") is torch._dynamo.utils.is_compile_supported("cpu")
assert torch._dynamo.config and twice(4) == 8
""",
    "anything else of it": """
from wsdkd.networks.deferred_compiler import compiler_deferred
with compiler_deferred():
    from torch._dynamo.utils import counters
    import torch._dynamo.config
assert sys.modules["torch._dynamo.utils"].counters is counters
with compiler_deferred():
    from torch._dynamo.utils import is_compile_supported
assert is_compile_supported is sys.modules["torch._dynamo.utils"].is_compile_supported
""",
}


@pytest.mark.parametrize("program", PROGRAMS.values(), ids=PROGRAMS)
def test_the_compiler_is_loaded_when_it_is_asked_for(program: str) -> None:
    # In a process of its own, as this one has loaded it long since.
    found = subprocess.run(
        [sys.executable, "-c", f"import sys\n{program}"], capture_output=True, text=True, check=False
    )
    assert found.returncode == 0, found.stderr
