"""A step captured once as a CUDA graph and then replayed: one launch where there were hundreds.

Small networks keep a GPU waiting for launches; see https://pytorch.org/blog/accelerating-pytorch-with-cuda-graphs/.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

WARM_UP = 3
"""Plain calls before the capture, in which libraries make ready what they may not make while capturing."""


class Captured:
    """A function of tensors whose shapes never change, on the GPU.

    Args:
        step: what to capture. Its effects (on parameters, say) happen at each call; the few calls before the capture
            have them, too. It may not read values back.
        example: tensors of the shapes it will be called with.
    """

    def __init__(self, step: Callable[..., Tensor], example: Sequence[Tensor]) -> None:
        self._inputs = [tensor.clone() for tensor in example]
        beside = torch.cuda.Stream()
        beside.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(beside):
            for _ in range(WARM_UP):
                step(*self._inputs)
        torch.cuda.current_stream().wait_stream(beside)
        self._graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(self._graph):
            self._output = step(*self._inputs)

    def __call__(self, *tensors: Tensor) -> Tensor:
        """Run the step on other values; the result is overwritten by the next call."""
        for mine, given in zip(self._inputs, tensors, strict=True):
            mine.copy_(given, non_blocking=True)
        self._graph.replay()
        return self._output
