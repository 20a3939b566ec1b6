"""Draw ``docs/images/levels.png``: levels that the bundled packs generate, dungeons above platformers."""

from __future__ import annotations

from pathlib import Path

from PIL import Image

from levelforge.generate import GenerateConfig, generate
from levelforge.render import render

WIDTH, GAP, SEED = 1600, 16, 7
ROWS = (("dungeon", 3), ("dungeon", 3), ("platformer", 2), ("platformer", 2))


def main() -> None:
    """Generate, render, join, write."""
    strips = []
    made = {
        name: iter(generate(name, GenerateConfig(n=8, seed=SEED, playtest=False)).levels)
        for name in {name for name, _ in ROWS}
    }
    for name, columns in ROWS:
        pictures = [render(next(made[name])) for _ in range(columns)]
        width = (WIDTH - GAP * (columns + 1)) // columns
        pictures = [
            p.resize((width, p.height * width // p.width), Image.Resampling.LANCZOS) for p in pictures
        ]
        strip = Image.new("RGB", (WIDTH, pictures[0].height + GAP), (27, 21, 36))
        for i, picture in enumerate(pictures):
            strip.paste(picture.convert("RGB"), (GAP + i * (width + GAP), GAP))
        strips.append(strip)
    sheet = Image.new("RGB", (WIDTH, sum(s.height for s in strips) + GAP), (27, 21, 36))
    y = 0
    for strip in strips:
        sheet.paste(strip, (0, y))
        y += strip.height
    target = Path(__file__).parent.parent / "docs" / "images" / "levels.png"
    target.parent.mkdir(parents=True, exist_ok=True)
    sheet.save(target, optimize=True)


if __name__ == "__main__":
    main()
