"""An exported network in 8 bits: about a third of the size, and fewer seconds.

Static quantisation by ONNX Runtime: weights become int8 with a scale for each channel, what flows between
layers becomes uint8 with ranges that pictures show (Jacob et al., Quantization and training of neural
networks for efficient integer-arithmetic-only inference, CVPR 2018). Biases take back what rounding the
weights adds to a layer's output on average (Nagel et al., Data-free quantization through weight equalization
and bias correction, ICCV 2019), with means that the same pictures show.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from wsdkd.ground.errors import UserError, first_line
from wsdkd.serving.exported import INPUT, session

KINDS = ("Add", "AveragePool", "Clip", "Conv", "Gemm", "GlobalAveragePool", "MatMul", "MaxPool", "Relu")
"""Of layers in 8 bits. Of an 8-bit sigmoid, images would be ranked by 256 different scores."""
LARGEST = 64
"""Of a weight as an integer: 7 bits, as processors without VNNI add two products in 16 bits alone."""
AT_ONCE = 8
"""Pictures that ranges and means are measured on at a time."""


def quantised(proto: Any, classifier: str, pictures: Sequence[np.ndarray]) -> Any:
    """A network in 8 bits up to its classifier; that, calibration and scores stay in fp32.

    Args:
        proto: the ``onnx.ModelProto`` of a network that takes ``pictures``, uint8 (B, 3, size, size).
        classifier: name of the classifier's weights in it.
        pictures: uint8 (size, size, 3) each, as the network will see them; they show ranges and means.

    Returns:
        The new ``onnx.ModelProto``.

    Raises:
        UserError: ONNX Runtime cannot quantise the network.
    """
    import onnx
    from onnxruntime.quantization import CalibrationMethod, QuantFormat, QuantType, quantize_static
    from onnxruntime.quantization.shape_inference import quant_pre_process

    with TemporaryDirectory() as folder:
        whole, prepared, result = (Path(folder, f"{name}.onnx") for name in ("whole", "prepared", "int8"))
        try:
            onnx.save(proto, whole)
            quant_pre_process(whole, prepared, skip_symbolic_shape=True)
            model = onnx.load(prepared)
            excluded = _from_classifier_on(model, classifier)
            onnx.save(with_corrected_biases(model, excluded, pictures), prepared)
            quantize_static(
                prepared,
                result,
                _Batches(pictures),
                quant_format=QuantFormat.QDQ,
                op_types_to_quantize=list(KINDS),
                nodes_to_exclude=excluded,
                per_channel=True,
                reduce_range=True,  # weights from -LARGEST to LARGEST
                activation_type=QuantType.QUInt8,
                weight_type=QuantType.QInt8,
                calibrate_method=CalibrationMethod.MinMax,
            )
        except Exception as error:  # of a kind for each thing that a network may hold
            raise UserError(
                f"this student cannot be quantised: {first_line(error)}; export it without --int8"
            ) from None
        return onnx.load(result)


def with_corrected_biases(proto: Any, excluded: Sequence[str], pictures: Sequence[np.ndarray]) -> Any:
    """A network whose convolutions and linear layers give the means of before once weights are rounded.

    With rounded weights W + E, a layer's output is off by what it gives with E alone; the bias takes back the
    mean of that over pictures and places.

    Args:
        proto: the ``onnx.ModelProto``; changed.
        excluded: names of nodes whose weights are not rounded.
        pictures: uint8 (size, size, 3) each, that means are taken over.
    """
    from onnx import numpy_helper

    tensors = {each.name: numpy_helper.to_array(each) for each in proto.graph.initializer}
    layers = [
        node
        for node in proto.graph.node
        if node.op_type in ("Conv", "Gemm")
        and node.name not in excluded
        and tensors.keys() >= set(node.input[1:])
    ]
    if not layers:
        return proto
    errors = [rounding_error(tensors[node.input[1]], _output_axis(node)) for node in layers]
    for place, (node, mean) in enumerate(zip(layers, _means(proto, layers, errors, pictures), strict=True)):
        # A tensor of its own, as layers of equal biases may share one, and those without have none.
        bias = -mean
        if len(node.input) == 3:
            bias += tensors[node.input.pop()]
        node.input.append(f"corrected_bias_{place}")
        proto.graph.initializer.append(numpy_helper.from_array(bias.astype(np.float32), node.input[2]))
    used = {name for node in proto.graph.node for name in node.input}
    for tensor in [each for each in proto.graph.initializer if each.name not in used]:
        proto.graph.initializer.remove(tensor)
    return proto


def rounding_error(weights: np.ndarray, axis: int = 0) -> np.ndarray:
    """What rounding to integers adds to weights, with a scale for each output channel, along ``axis``."""
    others = tuple(place for place in range(weights.ndim) if place != axis)
    scale = np.abs(weights).max(axis=others, keepdims=True) / LARGEST
    scale[scale == 0] = 1
    error: np.ndarray = np.round(weights / scale) * scale - weights
    return error


def _output_axis(node: Any) -> int:
    transposed = any(each.name == "transB" and each.i for each in node.attribute)
    return 0 if node.op_type == "Conv" or transposed else 1


def _means(
    proto: Any, layers: Sequence[Any], weights: Sequence[np.ndarray], pictures: Sequence[np.ndarray]
) -> list[np.ndarray]:
    """Mean output (out,) of each of ``layers``, with these weights in the place of its own, and no bias."""
    from onnx import ModelProto, NodeProto, TensorProto, helper, numpy_helper, save

    tapped = ModelProto()
    tapped.CopyFrom(proto)
    graph = tapped.graph
    del graph.output[:]
    for place, (layer, own) in enumerate(zip(layers, weights, strict=True)):
        names = {what: f"{what}_{place}" for what in ("weights", "given", "axes", "mean")}
        axes = np.array([0, 2, 3] if layer.op_type == "Conv" else [0])
        graph.initializer.append(numpy_helper.from_array(own, names["weights"]))
        graph.initializer.append(numpy_helper.from_array(axes, names["axes"]))
        node = NodeProto()
        node.CopyFrom(layer)
        node.name = ""
        del node.input[1:], node.output[:]
        node.input.append(names["weights"])
        node.output.append(names["given"])
        mean = helper.make_node("ReduceMean", [names["given"], names["axes"]], [names["mean"]], keepdims=0)
        graph.node.extend([node, mean])
        graph.output.append(helper.make_tensor_value_info(names["mean"], TensorProto.FLOAT, [None]))
    with TemporaryDirectory() as folder:
        save(tapped, Path(folder, "tapped.onnx"))
        running = session(Path(folder, "tapped.onnx"))
        found = [running.run(None, batch) for batch in _batches(pictures)]
    shares = [len(batch[INPUT]) / len(pictures) for batch in _batches(pictures)]
    return [np.average(each, axis=0, weights=shares) for each in zip(*found, strict=True)]


class _Batches:
    """What ONNX Runtime reads pictures from."""

    def __init__(self, pictures: Sequence[np.ndarray]):
        self._batches = _batches(pictures)

    def get_next(self) -> dict[str, np.ndarray] | None:
        """The network's next input; None after the last."""
        return next(self._batches, None)


def _batches(pictures: Sequence[np.ndarray]) -> Iterator[dict[str, np.ndarray]]:
    for start in range(0, len(pictures), AT_ONCE):
        batch = np.stack(pictures[start : start + AT_ONCE]).transpose(0, 3, 1, 2)
        yield {INPUT: np.ascontiguousarray(batch)}


def _from_classifier_on(proto: Any, classifier: str) -> list[str]:
    """Names of the nodes that the classifier's logits reach, its own among them."""
    reached, found = {classifier}, []
    for node in proto.graph.node:  # in topological order, as the format has it
        if reached.intersection(node.input):
            reached.update(node.output)
            found.append(node.name)
    if not found:
        raise ValueError(f"no node takes {classifier}")
    return found
