"""Files that are no exported student are refused in a line."""

from pathlib import Path

import onnx
import pytest
from onnx import TensorProto, helper

from wsdkd.ground.errors import UserError
from wsdkd.serving.exported import load_exported


def test_what_is_no_exported_student_is_refused_by_its_name(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"none\.onnx: no such file; write one: wsdkd export"):
        load_exported(tmp_path / "none.onnx")
    (tmp_path / "text.onnx").write_text("no network")
    with pytest.raises(UserError, match=r"text\.onnx: ONNX Runtime cannot read it: ") as caught:
        load_exported(tmp_path / "text.onnx")
    assert "\n" not in str(caught.value)
    values = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1]) for name in ("in", "out")]
    node = helper.make_node("Identity", ["in"], ["out"])
    graph = helper.make_graph([node], "other", values[:1], values[1:])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    onnx.save(model, tmp_path / "other.onnx")
    with pytest.raises(UserError, match=r"other\.onnx: no student that wsdkd export wrote: 'classes' in its"):
        load_exported(tmp_path / "other.onnx")
