"""Registration with Gymnasium; imports Gymnasium only when called."""

from __future__ import annotations

from levelforge.errors import MissingExtraError
from levelforge.game import bundled_games


def register() -> None:
    """Register ``levelforge/<game>-v0`` for every bundled game with Gymnasium.

    ``import levelforge`` does it where Gymnasium is already imported; otherwise call this. Calling it again
    does nothing.

    Raises:
        MissingExtraError: Gymnasium is not installed.
    """
    try:
        import gymnasium
    except ImportError:
        raise MissingExtraError("the Gymnasium environments", "train") from None

    for game in bundled_games():
        name = f"levelforge/{game}-v0"
        if name in gymnasium.registry:
            continue
        gymnasium.register(
            name,
            entry_point="levelforge.env.gymnasium_env:LevelForgeEnv",
            vector_entry_point="levelforge.env.gymnasium_env:LevelForgeVectorEnv",
            kwargs={"game": game},
        )
