/**
 * Loads what LevelForge exported: the game, the pack and its networks.
 *
 *     import * as ort from "./vendor/ort.wasm.bundle.min.mjs";
 *     const kit = await loadKit(new URL("./", import.meta.url), ort);
 *     const made = await kit.generate({ seed: 7 });
 *
 * `base` is the folder with `game/` and `pack/`.
 */

import { generate } from "./generate.js";
import { Playtester } from "./playtester.js";

export async function loadKit(base, ort) {
  const at = (path) => new URL(path, base);
  const json = async (path) => (await fetched(at(path))).json();
  const session = async (path) =>
    ort.InferenceSession.create(new Uint8Array(await (await fetched(at(path))).arrayBuffer()), {
      executionProviders: ["wasm"],
      graphOptimizationLevel: "all",
    });
  const [game, tileset, tiled, pack] = await Promise.all(
    ["game/game.json", "game/tileset.json", "game/tiled.json", "pack/pack.json"].map(json),
  );
  const generator = await session("pack/generator.onnx");
  const playtester = new Playtester(await session("pack/playtester.onnx"), game, ort);
  const predict = pack.critic ? difficultyOf(await session("pack/critic.onnx"), pack.critic, ort) : null;
  return {
    game,
    tileset,
    tiled,
    pack,
    playtester,
    predict,
    sheet: at(`game/${tiled.tileset.image}`).href,
    generate: (wish) => generate({ session: generator, game, pack, ort, predict, ...wish }),
  };
}

/** Difficulty as the pack's critic predicts it: `tiles` in, one row of `scores` out, named in pack.json. */
function difficultyOf(session, { scores }, ort) {
  const column = scores.indexOf("difficulty");
  return async (tiles, width, height) => {
    const feeds = { tiles: new ort.Tensor("float32", Float32Array.from(tiles), [1, height, width]) };
    return (await session.run(feeds)).scores.data[column];
  };
}

async function fetched(url) {
  const answer = await fetch(url);
  if (!answer.ok) throw new Error(`${url}: ${answer.status} ${answer.statusText}`);
  return answer;
}
