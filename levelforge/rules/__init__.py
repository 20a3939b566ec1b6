"""The rules of movement: one implementation, pure functions over integers, compiled by numba.

The simulator, the solver, the playtester and the demo all call :func:`step`.
"""

from levelforge.rules.kernel import step
from levelforge.rules.replay import Replay, replay
from levelforge.rules.state import LOST, RUNNING, TRAIL, WON, LevelBatch, compile_levels

__all__ = ["LOST", "RUNNING", "TRAIL", "WON", "LevelBatch", "Replay", "compile_levels", "replay", "step"]
