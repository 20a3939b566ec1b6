"""One step of any game: the single entry into the movement rules."""

from __future__ import annotations

from numba import int16, int32, int64, njit, types, uint8

from levelforge.rules.platformer import platformer_step
from levelforge.rules.state import P_PLATFORMER
from levelforge.rules.topdown import topdown_step

# One signature for all: callers hold the same numbers in integers of other widths, or as constants, and would each have
# a step of their own compiled, which takes longer to compile than all else of a caller.
_SIGNATURE = types.UniTuple(int64, 8)(
    int32[::1], int64, int64, uint8[::1], int16[::1], int32[:, ::1], *(int64,) * 10, int32[::1]
)  # fmt: skip


# What step calls is inlined (by numba, not LLVM): a call would count references on every array it is
# handed, atomically, which takes longer than the step itself. step is not, so that its callers compile quickly.
@njit(_SIGNATURE, cache=True, nogil=True)
def step(
    params, height, width, role, item, patrol, n_patrol, start, y, x, jump, hp, keys, taken, t, action, trail
):
    """One turn or tick of one player on one level; pure but for ``trail``.

    Args:
        params: ``int32[8 + J]`` from :class:`~levelforge.rules.state.LevelBatch`.
        height, width: size in tiles.
        role: ``uint8[H*W]``, ``item``: ``int16[H*W]``, ``patrol``: ``int32[E, C]``, ``n_patrol``,
            ``start``: one level's entries of the batch.
        y, x, jump, hp, keys, taken: the player's state; ``taken`` is a 64-bit mask over items.
        t: turns or ticks before this one. The caller counts them and enforces the time limit.
        action: index into ``Game.actions``.
        trail: ``int32[TRAIL]`` scratch; receives the cells entered in this step.

    Returns:
        y, x, jump, hp, keys, taken, outcome (``RUNNING``, ``WON``, ``LOST``), number of cells in
        ``trail``.
    """
    if params[P_PLATFORMER] == 1:
        return platformer_step(
            params, height, width, role, item, patrol, n_patrol, start, y, x, jump, hp, keys, taken, t, action, trail
        )  # fmt: skip
    y, x, hp, keys, taken, outcome, entered = topdown_step(
        params, height, width, role, item, patrol, n_patrol, y, x, hp, keys, taken, t, action, trail
    )
    return y, x, 0, hp, keys, taken, outcome, entered
