/**
 * What the playtester sees: the inputs of `playtester.onnx`, built step by step along a run.
 *
 *     const eyes = new Observer(level);           // a level of rules.js
 *     let state = startState(level);
 *     …
 *     const next = step(level, state, action);
 *     eyes.update(state, next);
 *     const { view, map, scalars, persona } = eyes.observe();
 *
 * The same as levelforge/playtest/observation.py, which explains each part; the tests compare them number by number.
 * Sizes, planes and codes come from `game.observation`, as LevelForge exported them.
 */

import { isTaken } from "./rules.js";

const NO_WAY = 65535;

/** Remembers what the player has seen of one run on one level. */
export class Observer {
  /**
   * @param {import("./rules.js").Level} level
   * @param {string} persona runner, explorer, collector or survivor
   */
  constructor(level, persona = "runner") {
    const game = level.game;
    const spec = game.observation;
    this.level = level;
    this.spec = spec;
    const cells = level.width * level.height;
    const { rows, columns, planes } = spec.map;
    this.rowBins = Array.from({ length: level.height }, (_, y) => binsOf(y, level.height, rows));
    this.columnBins = Array.from({ length: level.width }, (_, x) => binsOf(x, level.width, columns));
    this.area = new Int32Array(rows * columns);
    this.tally = new Int32Array(planes * rows * columns);
    this.map = new Float32Array(planes * rows * columns);
    this.visits = new Uint16Array(cells);
    this.way = new Uint16Array(cells);
    this.shares = new Set(spec.share_planes.map((name) => spec.planes[name]));
    this.planeOf = planesByCode(game);
    this.persona = Float32Array.from(spec.personas, (name) => (name === persona ? 1 : 0));
    if (!this.persona.includes(1)) throw new Error(`${persona} is no persona: ${spec.personas.join(", ")}`);
    const roles = game.roles;
    this.code = Uint8Array.from(level.role, (kind) =>
      kind === roles.enemy_h || kind === roles.enemy_v ? roles.empty : kind,
    );
    this.goals = [];
    this.doors = 0;
    for (let cell = 0; cell < cells; cell++) {
      this._eachBin(cell, (bin) => this.area[bin]++);
      if (this.code[cell] === roles.goal) this.goals.push(cell);
      if (this.code[cell] === roles.door) this.doors++;
    }
    for (let cell = 0; cell < cells; cell++) {
      const plane = this.planeOf[this.code[cell]];
      if (plane !== undefined) this._bump(plane, cell, 1);
    }
    this.patrolCells = level.patrols.map((patrol) => patrol[0]);
    for (const cell of this.patrolCells) this._bump(spec.planes.danger, cell, 1);
    this.state = { y: Math.floor(level.start / level.width), x: level.start % level.width };
    this.state = { ...this.state, jump: 0, hp: game.rules.hit_points, keys: 0, taken: 0, t: 0 };
    this.moved = false;
    this._bump(spec.planes.player, level.start, 1);
    this._visit(level.start);
    this._findWay(level.start, 0);
  }

  /**
   * Take in one step.
   *
   * @param {import("./rules.js").State} before
   * @param {import("./rules.js").State} after what `step` made of it
   */
  update(before, after) {
    const { level, spec } = this;
    const roles = level.game.roles;
    let unlocked = false;
    for (const cell of after.entered) {
      const code = this.code[cell];
      if (code === roles.collectible) {
        this._clear(cell);
      } else if ([roles.key, roles.door, roles.heal].includes(code) && isTaken(after.taken, level.item[cell])) {
        if (code === roles.door) this.doors--;
        if (code !== roles.heal) unlocked = true;
        this._clear(cell);
      }
      this._visit(cell);
    }
    const here = after.y * level.width + after.x;
    if (unlocked) this._findWay(here, after.keys);
    if (after.entered.length === 0) this._visit(here);
    this.moved = before.y !== after.y || before.x !== after.x;
    if (this.moved) {
      this._bump(spec.planes.player, before.y * level.width + before.x, -1);
      this._bump(spec.planes.player, here, 1);
    }
    const phase = after.t % level.cycle;
    level.patrols.forEach((patrol, e) => {
      if (patrol[phase] === this.patrolCells[e]) return;
      this._bump(spec.planes.danger, this.patrolCells[e], -1);
      this._bump(spec.planes.danger, patrol[phase], 1);
      this.patrolCells[e] = patrol[phase];
    });
    this.state = after;
  }

  /** The network's inputs, each a Float32Array; shapes: view [3, rows, columns], map [9, 12, 16], [20] and [4]. */
  observe() {
    return { view: this._view(), map: this.map.slice(), scalars: this._scalars(), persona: this.persona.slice() };
  }

  _view() {
    const { level, spec, state } = this;
    const { rows, columns } = spec.view;
    const { width, height } = level;
    const plane = rows * columns;
    const out = new Float32Array(3 * plane);
    const top = state.y - Math.floor(rows / 2);
    const left = state.x - Math.floor(columns / 2);
    const here = this.way[state.y * width + state.x];
    const base = 128 - (here === NO_WAY ? 0 : here);
    for (let r = 0; r < rows; r++) {
      for (let c = 0; c < columns; c++) {
        const y = top + r;
        const x = left + c;
        const place = r * columns + c;
        if (y < 0 || y >= height || x < 0 || x >= width) {
          out[place] = spec.codes.outside;
          continue;
        }
        const cell = y * width + x;
        out[place] = this.code[cell];
        out[plane + place] = Math.min(255, this.visits[cell]);
        const steps = this.way[cell];
        out[2 * plane + place] = steps === NO_WAY ? 0 : Math.min(255, Math.max(1, base + steps));
      }
    }
    level.patrols.forEach((patrol, e) => {
      const cell = patrol[state.t % level.cycle];
      const r = Math.floor(cell / width) - top;
      const c = (cell % width) - left;
      if (r >= 0 && r < rows && c >= 0 && c < columns) out[r * columns + c] = this._heading(e);
    });
    return out;
  }

  /** Where patrol `e` goes next, or its old heading if it turns next. */
  _heading(e) {
    const { level, spec, state } = this;
    const patrol = level.patrols[e];
    const phase = state.t % level.cycle;
    const here = patrol[phase];
    const after = patrol[(phase + 1) % level.cycle];
    const before = patrol[(phase + level.cycle - 1) % level.cycle];
    const stride = after !== here ? after - here : here - before;
    const { codes } = spec;
    if (stride === 0) return level.role[here] === level.game.roles.enemy_v ? codes.down : codes.right;
    if (stride === 1) return codes.right;
    if (stride === -1) return codes.left;
    return stride > 0 ? codes.down : codes.up;
  }

  _scalars() {
    const { level, spec, state } = this;
    const { height, width, game, platformer } = level;
    const roles = game.roles;
    const out = new Float32Array(spec.scalars);
    const codeAt = (y) => (y < height ? this.code[y * width + state.x] : roles.empty);
    const own = codeAt(state.y);
    const below = codeAt(state.y + 1);
    const carried =
      [roles.solid, roles.door, roles.one_way].includes(below) || (below === roles.ladder && own !== roles.ladder);
    out[0] = Math.max(state.hp, 0) / game.rules.hit_points;
    out[1] = Math.min(state.keys, 3) / 3;
    out[2] = Math.max(0, (level.timeLimit - state.t) / level.timeLimit);
    out[3 + Math.min(state.jump, 7)] = 1;
    out[11] = !platformer || (state.jump === 0 && carried) ? 1 : 0;
    out[12] = own === roles.ladder ? 1 : 0;
    let best = Infinity;
    let [dy, dx] = [0, 0];
    for (const goal of this.goals) {
      const gy = Math.floor(goal / width) - state.y;
      const gx = (goal % width) - state.x;
      if (Math.abs(gy) + Math.abs(gx) < best) {
        best = Math.abs(gy) + Math.abs(gx);
        [dy, dx] = [gy, gx];
      }
    }
    out[13] = dy / Math.max(height, width);
    out[14] = dx / Math.max(height, width);
    out[15] = Math.sign(dy);
    out[16] = Math.sign(dx);
    out[17] = Math.min(this.doors, 3) / 3;
    out[18] = this.moved ? 1 : 0;
    return out;
  }

  /** Steps from every cell to where a player should head now, judged at a glance; see observation.py. */
  _findWay(here, keys) {
    const roles = this.level.game.roles;
    for (const [target, open] of [[roles.goal, keys > 0], [roles.key, keys > 0], [roles.goal, true]]) {
      this._spread(target, open);
      if (this.way[here] !== NO_WAY) return;
    }
  }

  _spread(target, doorsOpen) {
    const { code, way } = this;
    const { width, height, game } = this.level;
    way.fill(NO_WAY);
    const queue = [];
    code.forEach((found, cell) => {
      if (found === target) {
        way[cell] = 0;
        queue.push(cell);
      }
    });
    for (let head = 0; head < queue.length; head++) {
      const cell = queue[head];
      const x = cell % width;
      const visit = (next) => {
        if (way[next] !== NO_WAY || code[next] === game.roles.solid) return;
        if (code[next] === game.roles.door && !doorsOpen) return;
        way[next] = way[cell] + 1;
        queue.push(next);
      };
      if (cell >= width) visit(cell - width);
      if (cell < width * (height - 1)) visit(cell + width);
      if (x > 0) visit(cell - 1);
      if (x < width - 1) visit(cell + 1);
    }
  }

  _visit(cell) {
    if (this.visits[cell] === 0) this._bump(this.spec.planes.visited, cell, 1);
    if (this.visits[cell] < 65535) this.visits[cell]++;
  }

  _clear(cell) {
    const plane = this.planeOf[this.code[cell]];
    if (plane !== undefined) this._bump(plane, cell, -1);
    this.code[cell] = this.level.game.roles.empty;
  }

  /** Count one cell more (or less) in a plane of the map. */
  _bump(plane, cell, change) {
    const size = this.area.length;
    this._eachBin(cell, (bin) => {
      const count = (this.tally[plane * size + bin] += change);
      this.map[plane * size + bin] = this.shares.has(plane)
        ? Math.min(255, Math.floor((255 * count) / this.area[bin]))
        : count > 0
          ? 255
          : 0;
    });
  }

  _eachBin(cell, visit) {
    const { width } = this.level;
    const [top, bottom] = this.rowBins[Math.floor(cell / width)];
    const [left, right] = this.columnBins[cell % width];
    for (let by = top; by <= bottom; by++) {
      for (let bx = left; bx <= right; bx++) visit(by * this.spec.map.columns + bx);
    }
  }
}

/** First and last bin that show row (or column) `place` of `size`; fewer rows than bins: each bin shows the nearest row. */
function binsOf(place, size, bins) {
  if (size >= bins) {
    const bin = Math.floor((place * bins) / size);
    return [bin, bin];
  }
  const first = (at) => -Math.floor((size - 2 * bins * at) / (2 * size));
  return [first(place), first(place + 1) - 1];
}

/** In which plane of the map each cell code is counted. */
function planesByCode({ roles, observation: { planes } }) {
  return {
    [roles.solid]: planes.solid,
    [roles.goal]: planes.goal,
    [roles.key]: planes.key,
    [roles.door]: planes.door,
    [roles.hazard]: planes.danger,
    [roles.collectible]: planes.treat,
    [roles.heal]: planes.treat,
    [roles.one_way]: planes.climb,
    [roles.ladder]: planes.climb,
  };
}
