/**
 * Which picture of the tileset stands in which cell: the autotiling of LevelForge's own renderer and exporters.
 *
 *     const { terrain, entities } = pictures(tiles, width, height, game, tileset);
 *
 * `tileset` is tileset.json as exported beside game.json. `terrain` has a sheet index in every cell (under an entity,
 * the empty tile's); `entities`, the tiles that the game counts, has -1 where there is none.
 */

const STEPS = { N: [-1, 0], NE: [-1, 1], E: [0, 1], SE: [1, 1], S: [1, 0], SW: [1, -1], W: [0, -1], NW: [-1, -1] };

/** A 31-bit hash of a place, the same everywhere. */
function hash(y, x, salt = 0) {
  let h = Math.imul(x, 0x9e3779b1) ^ Math.imul(y, 0x85ebca77) ^ Math.imul(salt, 0xc2b2ae3d);
  h = Math.imul(h ^ (h >>> 15), 0x2c1b3c6d);
  h = Math.imul(h ^ (h >>> 12), 0x297a2d39);
  return (h ^ (h >>> 15)) >>> 1;
}

export function pictures(tiles, width, height, game, tileset) {
  const terrain = new Int32Array(width * height);
  const entities = new Int32Array(width * height).fill(-1);
  const counted = game.tiles.map((tile) => tile.name in game.counts);
  const empty = game.tiles.findIndex((tile) => tile.role === "empty");
  game.tiles.forEach((tile, id) => {
    const here = Array.from(tiles, (found) => found === id || (id === empty && counted[found]));
    if (!here.includes(true)) return;
    const rule = tileset.rules[tile.name];
    const { chosen, plain } = choose(rule, tiles, width, height, game);
    for (const stamp of rule.stamps) {
      const free = here.map((yes, cell) => yes && plain[cell]);
      place(stamp, chosen, free, width, height);
    }
    const out = counted[id] ? entities : terrain;
    here.forEach((yes, cell) => {
      if (yes) out[cell] = chosen[cell];
    });
  });
  return { terrain, entities };
}

/** The picture of every cell by the neighbours that match, and where none does. */
function choose(rule, tiles, width, height, game) {
  const matches = game.tiles.map((tile) => rule.match.includes(tile.name));
  const chosen = new Int32Array(width * height);
  const plain = new Array(width * height);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      let mask = 0;
      rule.neighbours.forEach((name, bit) => {
        const [dy, dx] = STEPS[name];
        const inside = y + dy >= 0 && y + dy < height && x + dx >= 0 && x + dx < width;
        if (inside ? matches[tiles[(y + dy) * width + x + dx]] : rule.outside) mask |= 1 << bit;
      });
      const variants = rule.table[mask];
      chosen[y * width + x] = variants[hash(y, x) % variants.length];
      plain[y * width + x] = mask === 0;
    }
  }
  return { chosen, plain };
}

/** Set a larger picture wherever its block of the map wants one and all that it covers is free. */
function place(stamp, chosen, free, width, height) {
  const rows = stamp.cells.length;
  const columns = stamp.cells[0].length;
  const [blockRows, blockColumns] = stamp.block;
  const salt = Math.max(...stamp.cells.flat());
  for (let by = 0; by * blockRows < height; by++) {
    for (let bx = 0; bx * blockColumns < width; bx++) {
      if (hash(by, bx, salt + 2) % 1000 >= stamp.chance * 1000) continue;
      const y = by * blockRows + (hash(by, bx, salt) % Math.max(1, blockRows - rows + 1));
      const x = bx * blockColumns + (hash(by, bx, salt + 1) % Math.max(1, blockColumns - columns + 1));
      if (y + rows > height || x + columns > width) continue;
      const covered = stamp.cells.flatMap((row, dy) =>
        row.flatMap((index, dx) => (index < 0 ? [] : [{ cell: (y + dy) * width + x + dx, index }])),
      );
      if (!covered.every(({ cell }) => free[cell])) continue;
      for (const { cell, index } of covered) {
        chosen[cell] = index;
        free[cell] = false;
      }
    }
  }
}

/** The sheet index that stands for a tile by itself, as in a list. */
export function icon(name, tileset) {
  return tileset.rules[name].table[0][0];
}
