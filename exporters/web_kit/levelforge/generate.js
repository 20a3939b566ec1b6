/**
 * From the generator network to proven levels: draw its inputs from a seed, run it, keep what can be beaten.
 *
 *     const made = await generate({ session, game, pack, ort, seed: 7, difficulty: 0.4, counts: { key: 2 } });
 *     made.level, made.solution                   // a level of rules.js, a shortest win
 *
 * `session` is an ONNX Runtime session of generator.onnx and `ort` the module it is of (onnxruntime-web or -node);
 * `game` is game.json and `pack` is pack.json. Nothing here needs a browser.
 *
 * Inputs are drawn as `levelforge.decode.sample_inputs` draws them, with other random numbers: a seed gives the same
 * level here every time, but not the level that `levelforge generate` makes of it.
 */

import { Random } from "./random.js";
import { compileLevel } from "./rules.js";
import { solve } from "./solver.js";

/** Candidates to try for one level before giving up. */
export const MAX_CANDIDATES = 80;
/** Proven levels to choose from where a critic can tell which one comes nearest to the difficulty asked for. */
export const POOL = 6;

/** Fewest and most of each entity on a level of this size, by name: `{ key: [0, 3], … }`. */
export function countRanges(game, width, height) {
  const ratio = (width * height) / (game.size[0] * game.size[1]);
  const ranges = {};
  for (const tile of game.tiles) {
    if (!(tile.name in game.counts)) continue;
    const [low, high] = game.counts[tile.name];
    ranges[tile.name] = tile.scales ? [low, Math.max(low, Math.ceil(high * ratio))] : [low, high];
  }
  return ranges;
}

/** Names of the entities in the order of the network's inputs, and of the terrains. */
export function entityNames(game) {
  return game.tiles.filter((tile) => tile.name in game.counts).map((tile) => tile.name);
}

/**
 * Draw how many of each entity to place.
 *
 * @param {object} game
 * @param {object} pack
 * @param {{width: number, height: number, counts?: object, difficulty?: number|null, random: Random}} wish counts asked
 *   for are kept; the others are drawn: dangers from their range by the difficulty asked for, the rest as often as in
 *   the levels that the pack learned from, with a key for every door
 * @returns {Object<string, number>}
 * @throws {Error} a count out of its range, or of no entity
 */
export function sampleCounts(game, pack, { width, height, counts = {}, difficulty = null, random }) {
  const ranges = countRanges(game, width, height);
  for (const [name, count] of Object.entries(counts)) {
    if (!(name in ranges)) throw new Error(`${name} has no count in ${game.name}`);
    const [low, high] = ranges[name];
    if (!(count >= low && count <= high)) throw new Error(`${count} of ${name}: ${low} to ${high} are allowed`);
  }
  const { intensity_gain: gain, intensity_reach: reach, least_weight: least, dangers } = game.sampling;
  const middle = Math.min(1, gain * difficulty);
  const from = Math.max(0, middle - reach);
  const intensity = from + (Math.min(1, middle + reach) - from) * random.uniform();
  const drawn = {};
  for (const tile of game.tiles) {
    if (!(tile.name in ranges)) continue;
    const [low, high] = ranges[tile.name];
    const quantile = random.uniform(); // drawn even when asked for, so that the others' draws stay as they were
    const known = pack.count_distribution[tile.name];
    if (tile.name in counts) {
      drawn[tile.name] = counts[tile.name];
    } else if (difficulty !== null && dangers.includes(tile.role)) {
      drawn[tile.name] = Math.round(low + (high - low) * intensity * (least + (1 - least) * quantile));
    } else if (known) {
      const stretch = tile.scales ? high / Math.max(1, game.counts[tile.name][1]) : 1;
      drawn[tile.name] = Math.min(high, Math.max(low, Math.round(quantileOf(known, quantile) * stretch)));
    } else {
      drawn[tile.name] = low + Math.floor(quantile * (high - low + 1));
    }
  }
  matchKeys(drawn, game, ranges, counts);
  return drawn;
}

function quantileOf(weights, quantile) {
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  let sum = 0;
  const found = weights.findIndex((weight) => (sum += weight) / total > quantile);
  return found < 0 ? weights.length - 1 : found;
}

/** Make keys and doors that were both left open agree: a door that no key can open is no design. */
function matchKeys(drawn, game, ranges, asked) {
  const named = (role) => game.tiles.filter((t) => t.role === role && t.name in ranges).map((t) => t.name);
  const [keys, doors] = [named("key"), named("door")];
  if (!keys.length || !doors.length) return;
  const total = (names) => names.reduce((sum, name) => sum + drawn[name], 0);
  let lacking = Math.max(0, total(doors) - total(keys));
  if (!(keys[0] in asked)) {
    const given = Math.min(lacking, ranges[keys[0]][1] - drawn[keys[0]]);
    drawn[keys[0]] += given;
    lacking -= given;
  }
  for (const door of doors) {
    if (door in asked) continue;
    const taken = Math.min(lacking, drawn[door]);
    drawn[door] -= taken;
    lacking -= taken;
  }
}

/**
 * The generator's inputs for one level, as plain arrays and shapes.
 *
 * @returns {Object<string, {data: Float32Array, dims: number[]}>} latent, condition, counts and noise
 */
export function sampleInputs(game, pack, { width, height, counts, difficulty = null, temperature, random }) {
  const names = entityNames(game);
  const ranges = countRanges(game, width, height);
  const { latent_channels: channels, stride, temperature: own } = pack.generator;
  const heat = temperature ?? own;
  const cells = [Math.ceil(height / stride), Math.ceil(width / stride)];
  const filled = (length, draw) => Float32Array.from({ length }, draw);
  return {
    latent: { data: filled(channels * cells[0] * cells[1], () => random.normal()), dims: [1, channels, ...cells] },
    condition: {
      data: Float32Array.of(difficulty ?? 0.5, ...names.map((name) => counts[name] / Math.max(1, ranges[name][1]))),
      dims: [1, 1 + names.length],
    },
    counts: { data: Float32Array.from(names, (name) => counts[name]), dims: [1, names.length] },
    noise: {
      data: filled(game.tiles.length * height * width, () => random.gumbel() * heat),
      dims: [1, game.tiles.length, height, width],
    },
  };
}

/** Run the generator once: tile ids, row by row. */
export async function runGenerator(session, inputs, ort) {
  const feeds = {};
  for (const [name, { data, dims }] of Object.entries(inputs)) feeds[name] = new ort.Tensor("float32", data, dims);
  return Uint8Array.from((await session.run(feeds)).tiles.data);
}

/** What keeps tiles from being what was asked for, or "" if nothing does. */
export function fault(tiles, width, height, counts, game) {
  for (const [name, wanted] of Object.entries(counts)) {
    const id = game.tiles.findIndex((tile) => tile.name === name);
    const found = tiles.reduce((sum, tile) => sum + (tile === id), 0);
    if (found !== wanted) return `${found} of ${name} where ${wanted} were asked for`;
  }
  if (game.constraints.solid_border) {
    for (let cell = 0; cell < tiles.length; cell++) {
      const [y, x] = [Math.floor(cell / width), cell % width];
      const edge = y === 0 || x === 0 || y === height - 1 || x === width - 1;
      if (edge && game.tiles[tiles[cell]].role !== "solid") return "the border is not solid";
    }
  }
  return "";
}

/** Steps that a solution needs at least on a level of this size. */
export function minSolution(game, width, height) {
  const declared = game.constraints.min_solution;
  return Math.min(declared, Math.floor((declared * (width + height)) / (game.size[0] + game.size[1])));
}

/**
 * Make one level that is proven beatable.
 *
 * @param {object} wish
 * @param {object} wish.session session of generator.onnx
 * @param {object} wish.game game.json
 * @param {object} wish.pack pack.json
 * @param {object} wish.ort the ONNX Runtime module
 * @param {number} wish.seed
 * @param {number} [wish.width]
 * @param {number} [wish.height]
 * @param {Object<string, number>} [wish.counts] exact numbers of some entities
 * @param {number|null} [wish.difficulty] 0 to 1; null leaves it open
 * @param {(tiles: Uint8Array, width: number, height: number) => Promise<number>} [wish.predict] difficulty by the pack's
 *   critic, where it has one; with it the nearest of a few levels is chosen
 * @param {(tried: number, why: string) => void} [wish.progress] told of every candidate; "" means that it is good
 * @returns {Promise<{level: object, solution: number[], tried: number, predicted: number|null, counts: object}>}
 * @throws {Error} nothing good among MAX_CANDIDATES
 */
export async function generate(wish) {
  const { session, game, pack, ort, seed, counts = {}, difficulty = null, predict = null } = wish;
  const [width, height] = [wish.width ?? game.size[0], wish.height ?? game.size[1]];
  const wanted = predict && difficulty !== null ? POOL : 1;
  const found = [];
  for (let tried = 1; tried <= MAX_CANDIDATES && found.length < wanted; tried++) {
    const random = new Random(seed, tried);
    const drawn = sampleCounts(game, pack, { width, height, counts, difficulty, random });
    const inputs = sampleInputs(game, pack, { width, height, counts: drawn, difficulty, random });
    const tiles = await runGenerator(session, inputs, ort);
    let why = fault(tiles, width, height, drawn, game);
    if (!why) {
      const level = compileLevel(tiles, width, height, game);
      const { verdict, actions } = solve(level);
      if (verdict !== "beatable") why = verdict;
      else if (actions.length < minSolution(game, width, height)) why = "too short";
      else found.push({ level, solution: actions, counts: drawn, predicted: await predict?.(tiles, width, height) ?? null });
    }
    wish.progress?.(tried, why);
    for (const one of found) one.tried = tried;
    await new Promise((resolve) => setTimeout(resolve)); // let the page breathe
  }
  if (!found.length) throw new Error(`no beatable level among ${MAX_CANDIDATES}; ask for other counts or another seed`);
  const gap = ({ predicted }) => Math.abs(predicted - difficulty);
  return found.reduce((best, one) => (gap(one) < gap(best) ? one : best));
}
