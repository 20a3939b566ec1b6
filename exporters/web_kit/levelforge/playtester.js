/**
 * The playtester: the network that learned to play this game, asked what it would press now.
 *
 *     const player = new Playtester(session, game, ort);
 *     const eyes = new Observer(level);
 *     const random = new Random(7);
 *     const { action, values } = await player.choose(eyes.observe(), random);
 */
export class Playtester {
  /**
   * @param {object} session an ONNX Runtime session of playtester.onnx
   * @param {object} game as in game.json
   * @param {object} ort the ONNX Runtime module that the session is of (for its Tensor)
   */
  constructor(session, game, ort) {
    this.session = session;
    this.spec = game.observation;
    this.tremble = game.playing.tremble;
    this.Tensor = ort.Tensor;
  }

  /**
   * @param {{view: Float32Array, map: Float32Array, scalars: Float32Array, persona: Float32Array}} observation
   * @param {import("./random.js").Random} random what decides between actions of about the same value
   * @returns {Promise<{action: number, values: Float32Array}>} what it presses (an index into game.actions) and the
   *   value of each action
   */
  async choose(observation, random) {
    const { view, map, scalars, personas } = this.spec;
    const shapes = {
      view: [1, 3, view.rows, view.columns],
      map: [1, map.planes, map.rows, map.columns],
      scalars: [1, scalars],
      persona: [1, personas.length],
    };
    const feeds = {};
    for (const [name, shape] of Object.entries(shapes)) {
      feeds[name] = new this.Tensor("float32", observation[name], shape);
    }
    const values = (await this.session.run(feeds)).q.data;
    return { action: decide(values, this.tremble, random), values };
  }
}

/**
 * Draw an action as playtests do, with chances proportional to exp(value / tremble): a player that always takes the best
 * one gets stuck where several are about as good (see levelforge/playtest/decide.py).
 *
 * @param {ArrayLike<number>} values one an action
 * @param {number} tremble a difference in value that hardly matters
 * @param {import("./random.js").Random} random
 * @returns {number} an index into values
 */
export function decide(values, tremble, random) {
  const worth = Array.from(values, (value) => value + tremble * random.gumbel());
  return worth.indexOf(Math.max(...worth));
}

/**
 * An action as a player of less skill presses it: with probability `noise`, one of the others.
 *
 * @param {number} action
 * @param {number} noise 0 (the playtester itself) to 1
 * @param {number} actions how many there are
 * @param {import("./random.js").Random} random
 */
export function slip(action, noise, actions, random) {
  if (noise <= 0 || random.uniform() >= noise) return action;
  const other = random.whole(0, actions - 2);
  return other < action ? other : other + 1;
}
