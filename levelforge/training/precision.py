"""Where networks are trained in bfloat16."""

from __future__ import annotations

from typing import Literal

import torch

Precision = Literal["auto", "float32", "bfloat16"]
"""Of a trainer's passes; ``auto`` takes bfloat16 where the processor is fast at it."""


def halved(precision: Precision, device: torch.device) -> bool:
    """Whether passes are to run in bfloat16.

    Processors that do not multiply it natively would emulate it, slowly.
    """
    # torch has no public name for it
    native = device.type == "cpu" and bool(torch.cpu._is_avx512_bf16_supported())  # noqa: SLF001
    return precision == "bfloat16" or (precision == "auto" and native)
