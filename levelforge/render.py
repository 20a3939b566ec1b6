"""A level as a picture: autotiled terrain with its entities on top, overlays, contact sheets.

The picture is exactly what a tile engine shows that draws the terrain layer's sheet indices and the
entities' over them: alpha in our sheets is 0 or 255, so there is no blending to disagree about.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont, UnidentifiedImageError

from levelforge.errors import LevelForgeError
from levelforge.game import Game, Role, Tiles
from levelforge.level import Level
from levelforge.tileset import Tileset, load_tileset

Pixels = NDArray[np.uint8]

ROLE_COLORS = {
    Role.EMPTY: "#9a8a84",
    Role.SOLID: "#352a4b",
    Role.START: "#439254",
    Role.GOAL: "#f5c84c",
    Role.KEY: "#eec98c",
    Role.DOOR: "#754338",
    Role.COLLECTIBLE: "#d88431",
    Role.HAZARD: "#a83248",
    Role.ENEMY_H: "#b05aa8",
    Role.ENEMY_V: "#6d3474",
    Role.HEAL: "#e4585a",
    Role.ONE_WAY: "#ac6c48",
    Role.LADDER: "#d9a262",
}
PAGE, INK, FAINT = "#1b1325", "#f8f1e4", "#8f7ea3"
# Dark violet to red to yellow: the eye finds the hottest cells on any of the floors.
HEAT = ((0.0, (67, 51, 91)), (0.35, (168, 50, 72)), (0.7, (245, 140, 60)), (1.0, (255, 241, 166)))


def render(
    level: Level | Tiles,
    game: Game | None = None,
    *,
    scale: int = 1,
    solution: Sequence[tuple[int, int]] | NDArray[np.integer] | None = None,
    overlay: NDArray[np.floating] | None = None,
) -> Image.Image:
    """Draw a level.

    Args:
        level: a level, or ``uint8[H, W]`` tile ids.
        game: the vocabulary; needed when ``level`` is an array.
        scale: whole number of screen pixels a picture's pixel.
        solution: ``int[T + 1, 2]`` cells (y, x) in the order of a run, such as ``replay(...).path``; cells
            beyond the map (a jump above it) are drawn at its edge.
        overlay: ``float[H, W]`` heat map, drawn relative to its maximum; cells that are 0 or not finite stay bare.

    Returns:
        RGB image of W * tile_size * scale by H * tile_size * scale pixels.

    Raises:
        LevelForgeError: a tileset that does not fit the game, shapes that do not fit the level.
    """
    if isinstance(level, Level):
        tiles, game = level.tiles, game or level.game
    else:
        tiles = level
    if game is None:
        raise LevelForgeError("render needs the game when it is given an array of tiles")
    if scale < 1:
        raise LevelForgeError(f"scale must be a whole number above 0, not {scale}")
    tileset = load_tileset(game)
    terrain, entities = tileset.cells(tiles, game)
    pixels = compose(terrain, entities, sheet_tiles(tileset, game), tileset.background)
    if overlay is not None:
        if overlay.shape != tiles.shape:
            raise LevelForgeError(
                f"overlay must be float{list(tiles.shape)} like the level, not {list(overlay.shape)}"
            )
        _heat(pixels, np.asarray(overlay, dtype=np.float64), tileset.tile_size)
    if scale > 1:
        pixels = pixels.repeat(scale, axis=0).repeat(scale, axis=1)
    image = Image.fromarray(pixels)
    if solution is not None and len(solution):
        _path(image, np.asarray(solution), tiles.shape, tileset.tile_size * scale)
    return image


def compose(
    terrain: NDArray[np.int32], entities: NDArray[np.int32], tiles: Pixels, background: str
) -> Pixels:
    """Lay sheet indices out as pixels.

    Args:
        terrain, entities: ``int32[H, W]`` as from :meth:`Tileset.cells`.
        tiles: ``uint8[count, S, S, 4]`` RGBA, as from :func:`sheet_tiles`.
        background: ``#rrggbb``, seen where the terrain's picture is transparent.

    Returns:
        ``uint8[H * S, W * S, 3]`` RGB.
    """
    height, width = terrain.shape
    size = tiles.shape[1]
    rgb = _flattened(tiles, background)[terrain]  # H, W, S, S, 3
    for y, x in zip(*np.nonzero(entities >= 0), strict=True):
        picture = tiles[entities[y, x]]
        np.copyto(rgb[y, x], picture[..., :3], where=picture[..., 3:] > 127)
    return np.ascontiguousarray(rgb.transpose(0, 2, 1, 3, 4)).reshape(height * size, width * size, 3)


def contact_sheet(
    levels: Sequence[Level],
    captions: Sequence[str] | None = None,
    columns: int = 4,
    *,
    scale: int = 1,
    title: str | None = None,
) -> Image.Image:
    """Many levels on one page, each with its caption under it.

    Args:
        levels: what to show; sizes and games may differ.
        captions: one text a level (lines separated by a newline); None shows the ids.
        columns: pictures a row.
        scale: as in :func:`render`.
        title: a heading.

    Raises:
        LevelForgeError: no levels, or captions that do not match them.
    """
    if not levels:
        raise LevelForgeError("a contact sheet needs at least one level")
    texts = [level.id for level in levels] if captions is None else list(captions)
    if len(texts) != len(levels):
        raise LevelForgeError(f"{len(texts)} captions for {len(levels)} levels; give one each")
    pictures = [render(level, scale=scale) for level in levels]
    columns = max(1, min(columns, len(levels)))
    font, heading = _font(12), _font(20)
    gap, line = 16, 15
    caption = line * max(text.count("\n") + 1 for text in texts) + 6
    width = max(p.width for p in pictures)
    rows = [pictures[i : i + columns] for i in range(0, len(pictures), columns)]
    heights = [max(p.height for p in row) for row in rows]
    top = gap + (34 if title else 0)
    page = Image.new(
        "RGB", (gap + columns * (width + gap), top + sum(heights) + len(rows) * (caption + gap)), PAGE
    )
    pen = ImageDraw.Draw(page)
    if title:
        pen.text((gap, gap - 4), title, fill=INK, font=heading)
    y = top
    for r, row in enumerate(rows):
        for c, picture in enumerate(row):
            x = gap + c * (width + gap)
            page.paste(picture, (x, y))
            for n, text in enumerate(texts[r * columns + c].split("\n")):
                place = (x, y + picture.height + 5 + n * line)
                pen.text(place, _fitted(text, width, font), fill=FAINT if n else INK, font=font)
        y += heights[r] + caption + gap
    return page


# --- sheets -------------------------------------------------------------------------------------


def sheet_image(tileset: Tileset, game: Game) -> Image.Image:
    """The tileset's sheet, RGBA: read from its file, or drawn for a game that has none.

    Raises:
        LevelForgeError: the file is no picture or too small for the metadata.
    """
    if tileset.image is None:
        return _plain_sheet(tileset, game)
    try:
        with Image.open(tileset.image) as file:
            image = file.convert("RGBA")
    except (OSError, UnidentifiedImageError):
        raise LevelForgeError(f"{tileset.image}: not a readable picture") from None
    need = tileset.columns * tileset.tile_size, tileset.rows * tileset.tile_size
    if image.width != need[0] or image.height < need[1]:
        raise LevelForgeError(
            f"{tileset.image}: is {image.width}x{image.height} pixels where {tileset.count} tiles need {need[0]}x{need[1]}"
        )
    return image


def sheet_tiles(tileset: Tileset, game: Game) -> Pixels:
    """``uint8[count, S, S, 4]`` RGBA: the sheet cut into tiles; read-only and kept for the next call."""
    if tileset.image is None:
        return _cut(_plain_sheet(tileset, game), tileset.tile_size, tileset.count)
    changed = tileset.image.stat().st_mtime_ns if tileset.image.is_file() else 0
    key = tileset.image, changed, tileset.tile_size, tileset.columns, tileset.count
    if key not in _SHEETS:
        _SHEETS[key] = _cut(sheet_image(tileset, game), tileset.tile_size, tileset.count)
    return _SHEETS[key]


_SHEETS: dict[tuple[Path, int, int, int, int], Pixels] = {}


def _cut(image: Image.Image, size: int, count: int) -> Pixels:
    pixels = np.asarray(image, dtype=np.uint8)
    rows, columns = pixels.shape[0] // size, pixels.shape[1] // size
    tiles = pixels[: rows * size].reshape(rows, size, columns, size, 4).transpose(0, 2, 1, 3, 4)
    tiles = tiles.reshape(rows * columns, size, size, 4)[:count].copy()
    tiles.flags.writeable = False
    return tiles


_FLAT: dict[tuple[int, str], tuple[Pixels, Pixels]] = {}


def _flattened(tiles: Pixels, background: str) -> Pixels:
    """``uint8[count, S, S, 3]``: the tiles over the background; the result of the last call is kept."""
    key = id(tiles), background
    if key not in _FLAT or _FLAT[key][0] is not tiles:
        color = np.array([int(background[i : i + 2], 16) for i in (1, 3, 5)], dtype=np.uint8)
        if len(_FLAT) > 8:
            _FLAT.clear()
        _FLAT[key] = tiles, np.where(tiles[..., 3:] > 127, tiles[..., :3], color)
    return _FLAT[key][1]


def _plain_sheet(tileset: Tileset, game: Game) -> Image.Image:
    """Coloured squares with the tile's symbol, by role."""
    size = tileset.tile_size
    sheet = Image.new("RGBA", (tileset.columns * size, tileset.rows * size), (0, 0, 0, 0))
    pen, font = ImageDraw.Draw(sheet), _font(12)
    for tile in game.tiles:
        y, x = (n * size for n in divmod(tile.id, tileset.columns))
        color = ROLE_COLORS[tile.role]
        if tile.name in game.count_ranges:  # an entity: a badge that leaves the floor in view
            pen.rounded_rectangle((x + 1, y + 1, x + size - 2, y + size - 2), 4, fill=color, outline=PAGE)
        else:
            pen.rectangle((x, y, x + size - 1, y + size - 1), fill=color)
        if tile.role not in (Role.EMPTY, Role.SOLID):
            dark = sum(int(color[i : i + 2], 16) for i in (1, 3, 5)) > 380
            pen.fontmode = "1"  # hard edges: alpha and colours stay exact
            pen.text(
                (x + size // 2, y + size // 2),
                tile.symbol,
                fill=PAGE if dark else INK,
                font=font,
                anchor="mm",
            )
    return sheet


# --- overlays -----------------------------------------------------------------------------------


def _heat(pixels: Pixels, values: NDArray[np.float64], size: int) -> None:
    """Tint cells in place by their value."""
    values = np.nan_to_num(values, nan=0.0, posinf=0.0, neginf=0.0).clip(min=0)
    top = float(values.max(initial=0.0))
    if top <= 0:
        return
    share = values / top
    stops = [s for s, _ in HEAT]
    color = np.stack([np.interp(share, stops, [c[i] for _, c in HEAT]) for i in range(3)], axis=-1)
    alpha = np.where(share > 0, 0.35 + 0.4 * share, 0.0)[..., None]
    color, alpha = (a.repeat(size, axis=0).repeat(size, axis=1) for a in (color, alpha))
    pixels[:] = np.rint(pixels * (1 - alpha) + color * alpha).astype(np.uint8)


def _path(image: Image.Image, cells: NDArray[np.integer], shape: tuple[int, ...], step: int) -> None:
    """Draw a run: an outlined line through the cells, a ring at its start, a disc at its end."""
    if cells.ndim != 2 or cells.shape[1] != 2:
        raise LevelForgeError(f"solution must be int[T, 2] cells (y, x), not {list(cells.shape)}")
    clipped = np.clip(cells, 0, (shape[0] - 1, shape[1] - 1))
    points = [(int(x) * step + step // 2, int(y) * step + step // 2) for y, x in clipped]
    pen = ImageDraw.Draw(image)
    thin = max(2, step // 8)
    if len(points) > 1:
        pen.line(points, fill=PAGE, width=thin + 2 * max(1, step // 16), joint="curve")
        pen.line(points, fill="#f5c84c", width=thin, joint="curve")
    r = max(3, step // 5)
    for (x, y), fill in ((points[0], "#8ecfe6"), (points[-1], "#e4585a")):
        pen.ellipse((x - r, y - r, x + r, y + r), fill=fill, outline=PAGE, width=max(1, step // 16))


@lru_cache(maxsize=4)
def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size)


def _fitted(text: str, width: int, font: ImageFont.FreeTypeFont | ImageFont.ImageFont) -> str:
    """The text, cut with an ellipsis where it would run into its neighbour."""
    if font.getlength(text) <= width:
        return text
    while text and font.getlength(text + "…") > width:
        text = text[:-1]
    return text + "…"
