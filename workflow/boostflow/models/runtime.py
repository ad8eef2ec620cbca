"""Trained networks in ONNX Runtime: scores without TensorFlow."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from boostflow.errors import BoostflowError

if TYPE_CHECKING:
    from onnxruntime import InferenceSession


def session(graph: Path | bytes, threads: int) -> InferenceSession:
    """A network that is ready to be run on the CPU.

    Args:
        graph: an ONNX file, or its content.
        threads: that compute at the same time.

    Raises:
        BoostflowError: the file is missing or damaged.
    """
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    # Waiting threads would take the cores of other jobs.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    content = graph if isinstance(graph, bytes) else str(graph)
    try:
        return onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # of a type that onnxruntime does not publish
        where = "the network" if isinstance(graph, bytes) else graph
        raise BoostflowError(f"{where}: is no ONNX model: {str(error).splitlines()[0]}") from None
