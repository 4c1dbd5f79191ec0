"""The scene network as a graph that counts in whole numbers of 8 bits, and its head in floats."""

from __future__ import annotations

import tempfile
import warnings
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from onnx import helper, numpy_helper
from onnx.reference import ReferenceEvaluator
from onnx.shape_inference import infer_shapes
from onnx.utils import Extractor
from onnxruntime import InferenceSession, SessionOptions
from onnxruntime.quantization import CalibrationDataReader, QuantType, quantize_static
from scene_net import SEEN, SceneNet
from torch import Tensor, nn

Numbers = NDArray[np.float32]

OPSET = 17
IN_BYTES = ["Conv", "Clip", "Add"]
# (pixel - 127) / 128, so that the graph's first bytes are the pixels themselves.
PIXELS = {"scale": np.array(1 / 128, np.float32), "zero_point": np.array(127, np.uint8)}

LEAST_STEP = 1e-6  # of channels without weights: their biases are counted in it, in 32 bits


class Trunk:
    """The graph as it will be shipped, but for the head: what a head is fitted to."""

    def __init__(self, net: SceneNet, inputs: Iterable[Numbers]) -> None:
        """Count in bytes what *net* does; *inputs* [1, 3, side, side] show how far numbers go."""
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "trunk.onnx"
            _export(net, file)
            _quantise(file, inputs)
            self.graph = onnx.load(str(file))
        options = SessionOptions()
        options.intra_op_num_threads = 1
        options.log_severity_level = 3
        self._session = InferenceSession(self.graph.SerializeToString(), options)

    def features(self, pixels: Tensor) -> Tensor:
        """Map normalised pixels [n, 3, side, side] to what the head sees, [n, features]."""
        seen = [self._session.run(None, {"pixels": one[None]})[0] for one in pixels.numpy()]
        return torch.from_numpy(np.concatenate(seen))

    def write(self, head: nn.Linear, file: Path) -> None:
        """Put *head* on top, and write both."""
        model = onnx.ModelProto()
        model.CopyFrom(self.graph)
        graph = model.graph
        for name, values in (("weight", head.weight), ("bias", head.bias)):
            graph.initializer.append(numpy_helper.from_array(values.detach().numpy(), name))
        graph.node.append(
            helper.make_node("Gemm", ["features", "weight", "bias"], ["scores"], transB=1)
        )
        graph.output[0].name = "scores"
        graph.output[0].type.tensor_type.shape.dim[1].dim_value = head.out_features
        _drop_unused(graph)
        model.producer_name, model.producer_version, model.doc_string = "imgtag", "", ""
        onnx.checker.check_model(model, full_check=True)
        onnx.save(model, str(file))


def _export(net: SceneNet, file: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            net.eval(),
            (torch.zeros(1, 3, SEEN, SEEN),),
            str(file),
            opset_version=OPSET,
            input_names=["pixels"],
            output_names=["features"],
            dynamo=False,
        )
    model = onnx.load(str(file))
    _merge_padding(model)
    onnx.save(model, str(file))


def _merge_padding(model: onnx.ModelProto) -> None:
    """Let each convolution pad by itself, as PyTorch can't say where the sides differ.

    A node of its own for that makes onnxruntime change the layout in memory twice: a quarter of
    the time of the whole graph. The numbers that come out are the same to the bit.
    """
    graph = model.graph
    pads = [node for node in graph.node if node.op_type == "Pad"]
    names = [pad.input[1] for pad in pads]
    constants = Extractor(infer_shapes(model)).extract_model([], names)
    for pad, around in zip(pads, ReferenceEvaluator(constants).run(None, {}), strict=True):
        (convolution,) = (node for node in graph.node if pad.output[0] in node.input)
        convolution.input[0] = pad.input[0]
        # Of four dimensions, what is added before and after: only height and width get any.
        (said,) = (said for said in convolution.attribute if said.name == "pads")
        said.ints[:] = [around[index] for index in (2, 3, 6, 7)]
    _drop_unused(graph)


def _drop_unused(graph: onnx.GraphProto) -> None:
    wanted = {output.name for output in graph.output}
    for node in reversed(list(graph.node)):
        if wanted.isdisjoint(node.output):
            graph.node.remove(node)
        else:
            wanted.update(node.input)
    for tensor in list(graph.initializer):
        if tensor.name not in wanted:
            graph.initializer.remove(tensor)


class _Inputs(CalibrationDataReader):  # type: ignore[misc, unused-ignore]
    """Hands inputs over as the quantiser wants them."""

    def __init__(self, inputs: Iterable[Numbers]) -> None:
        self._left = iter(inputs)

    def get_next(self) -> dict[str, Numbers] | None:
        """Give the next input, or nothing after the last."""
        numbers = next(self._left, None)
        return None if numbers is None else {"pixels": numbers}


def _quantise(file: Path, inputs: Iterable[Numbers]) -> None:
    graph = onnx.load(str(file)).graph
    weights = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    convolutions = [node.input[1] for node in graph.node if node.op_type == "Conv"]
    steps: dict[str, list[dict[str, Any]]] = {
        name: [
            {"axis": 0, "scale": np.array(step), "zero_point": np.array(0, np.int8)}
            for step in _steps(weights[name])
        ]
        for name in convolutions
    }
    quantize_static(
        str(file),
        str(file),
        _Inputs(inputs),
        op_types_to_quantize=IN_BYTES,
        per_channel=True,
        activation_type=QuantType.QUInt8,
        weight_type=QuantType.QInt8,
        extra_options={"TensorQuantOverrides": {"pixels": [PIXELS], **steps}},
    )


def _steps(weights: Numbers) -> Numbers:
    """Size of one step of the weights of each output, [outputs, ...] to [outputs].

    Without VNNI, onnxruntime multiplies by VPMADDUBSW, which adds two products in 16 bits and
    saturates ("When and why do I need to try U8U8?" in its page on quantisation): answers would
    depend on the processor. It advises weights of 7 bits, as 2 * 64 * 255 = 32,640 fits. That is
    so for any two weights whose sum is within 128, which costs less: most are far smaller than the
    largest. A channel looked at by itself is multiplied in 32 bits, and has all 8 bits.
    """
    rows = weights.reshape(len(weights), -1)
    largest = (np.abs(rows).max(1) / 127).clip(LEAST_STEP)
    if weights.shape[1] == 1:
        return np.asarray(largest, np.float32)
    pairs = [np.sort((sign * rows).clip(0), 1)[:, -2:].sum(1) / 127.5 for sign in (1, -1)]
    return np.asarray(np.maximum(largest, np.maximum(*pairs)), np.float32)
