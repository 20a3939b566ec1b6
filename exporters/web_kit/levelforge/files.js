/**
 * A level as files that LevelForge, Tiled and engines read: our JSON and a Tiled map.
 *
 *     const name = "dungeon-7";
 *     levelJson(level, { id: name, solution, pack, extra: { web_seed: 7 } });
 *     levelTmj(level, { … }, tileset, tiled);    // tileset.json and tiled.json as exported beside game.json
 */

import { encodeSolution } from "./rules.js";
import { pictures } from "./tileset.js";

/** What is known about a level, under the names of docs/formats.md. */
function facts(level, { id, solution, pack, extra = {} }) {
  const { game } = level;
  return {
    format: "levelforge-level",
    version: 1,
    id,
    game: game.name,
    game_digest: game.digest,
    pack: pack.hash,
    solution: encodeSolution(solution, game),
    solution_length: solution.length,
    extra,
  };
}

/** The text of a `.json` level. */
export function levelJson(level, about) {
  const { game, width, height, tiles } = level;
  const rows = Array.from({ length: height }, (_, y) => [...tiles.subarray(y * width, (y + 1) * width)]);
  const document = {
    ...facts(level, about),
    width,
    height,
    vocabulary: game.tiles.map(({ name, symbol, role }) => ({ name, symbol, role })),
    tiles: rows,
  };
  const lines = Object.entries(document).map(([key, value]) => {
    const spread = key === "tiles" || key === "vocabulary";
    const text = spread ? `[\n    ${value.map((row) => JSON.stringify(row)).join(",\n    ")}\n  ]` : JSON.stringify(value);
    return `  ${JSON.stringify(key)}: ${text}`;
  });
  return `{\n${lines.join(",\n")}\n}\n`;
}

/** The text of a Tiled map (`.tmj`) with its tileset embedded; the tileset's picture belongs beside it. */
export function levelTmj(level, about, tileset, tiled) {
  const { game, width, height, tiles } = level;
  const size = tileset.tile_size;
  const { terrain, entities } = pictures(tiles, width, height, game, tileset);
  const { version, extra, ...rest } = facts(level, about);
  // what a property cannot hold goes into one as JSON
  const more = Object.entries(extra).filter(([, value]) => !isPlain(value));
  const plain = Object.fromEntries(Object.entries(extra).filter(([, value]) => isPlain(value)));
  if (more.length) plain.extra = JSON.stringify(Object.fromEntries(more));
  const properties = Object.entries({ ...rest, format_version: version, ...plain })
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, value]) => ({ name, type: kindOf(value), value }));
  const objects = [];
  entities.forEach((index, cell) => {
    if (index < 0) return;
    const tile = game.tiles[tiles[cell]];
    objects.push({
      id: objects.length + 1,
      name: tile.name,
      type: tile.name,
      gid: index + 1,
      x: (cell % width) * size,
      y: (Math.floor(cell / width) + 1) * size,
      width: size,
      height: size,
      rotation: 0,
      visible: true,
      properties: [{ name: "role", type: "string", value: tile.role }],
    });
  });
  const layer = { x: 0, y: 0, opacity: 1, visible: true };
  const map = {
    type: "map",
    version: tiled.version,
    tiledversion: tiled.tiledversion,
    orientation: "orthogonal",
    renderorder: "right-down",
    infinite: false,
    width,
    height,
    tilewidth: size,
    tileheight: size,
    backgroundcolor: tileset.background,
    compressionlevel: -1,
    nextlayerid: 3,
    nextobjectid: objects.length + 1,
    properties,
    tilesets: [tiled.tileset],
    layers: [
      { id: 1, name: "terrain", type: "tilelayer", width, height, data: Array.from(terrain, (index) => index + 1), ...layer },
      { id: 2, name: "entities", type: "objectgroup", draworder: "topdown", objects, ...layer },
    ],
  };
  return `${JSON.stringify(map, null, 1)}\n`;
}

/** Whether a value is a single one, and no whole number of more than 32 bits. */
function isPlain(value) {
  if (typeof value === "number") return !Number.isInteger(value) || (value >= -(2 ** 31) && value < 2 ** 31);
  return typeof value === "string" || typeof value === "boolean";
}

function kindOf(value) {
  if (typeof value === "number") return Number.isInteger(value) ? "int" : "float";
  return typeof value === "boolean" ? "bool" : "string";
}
