"""Registration with Gymnasium; imports Gymnasium only when called."""

from __future__ import annotations


def register() -> None:
    """Register ``levelforge/<game>-v0`` for every bundled game with Gymnasium.

    Called by Gymnasium itself, through the ``gymnasium.envs`` entry point, once LevelForge is installed.
    """
    import gymnasium

    from levelforge.game import bundled_games

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
