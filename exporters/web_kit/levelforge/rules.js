/**
 * The rules of movement: one turn or tick of one player on one level.
 *
 * They say what LevelForge's own rules (levelforge/rules/, in Python) say, in whole numbers only, so that a
 * certificate wins here as it wins there; the tests compare the two state by state. All numbers come from
 * the game as LevelForge exported it (`game.json`); nothing is repeated here by hand.
 *
 *     const level = compileLevel(tiles, width, height, game);
 *     let state = startState(level);
 *     state = step(level, state, action);         // an index into game.actions
 *     if (state.outcome === "won") …
 *
 * A cell is one number: y * width + x, row 0 on top.
 *
 * @typedef {object} Level a level prepared by {@link compileLevel}; not to be changed
 * @property {object} game as in game.json
 * @property {Uint8Array} tiles tile ids, a cell each
 * @property {number} width
 * @property {number} height
 * @property {Uint8Array} role the role of each cell as the level begins
 * @property {Int16Array} item index of the key, door or heal on a cell, -1 for none: keys first, then doors, then
 *   heals, each row by row
 * @property {number} items how many of those there are
 * @property {number[]} patrolHomes
 * @property {Int32Array[]} patrols for each patrol, its cell at every phase (`t % cycle`)
 * @property {number} cycle turns after which all patrols are where they began
 * @property {number} start
 * @property {number} timeLimit turns or ticks
 *
 * @typedef {object} State what changes; `step` returns a new one
 * @property {number} y row; a player who fell out of the map and lost is in its last row
 * @property {number} x
 * @property {number} jump 0 for a body that stands, else the index of the next entry of the jump profile
 * @property {number} hp hit points
 * @property {number} keys keys in hand
 * @property {number} taken keys, doors and heals used up: bit i stands for item i
 * @property {number} t turns or ticks so far
 * @property {"running"|"won"|"lost"} outcome
 * @property {number[]} entered cells entered in the last step, in order
 */

/** Keys, doors and heals that a level may hold: `taken` is an exact whole number up to here. */
export const MAX_ITEMS = 36;

/** Whether bit `item` of `taken` is set; `taken` may have more bits than JavaScript's own operators take. */
export function isTaken(taken, item) {
  return Math.floor(taken / 2 ** item) % 2 === 1;
}

/**
 * Prepare a level for {@link step}.
 *
 * @param {ArrayLike<number>} tiles height * width tile ids, row by row
 * @param {number} width
 * @param {number} height
 * @param {object} game as in game.json
 * @returns {Level}
 * @throws {Error} too many keys, doors and heals, or not width * height tiles
 */
export function compileLevel(tiles, width, height, game) {
  if (tiles.length !== width * height) throw new Error(`${tiles.length} tiles are not ${width}x${height}`);
  const roles = game.roles;
  const role = Uint8Array.from(tiles, (id) => roles[game.tiles[id].role]);
  const item = new Int16Array(role.length).fill(-1);
  let items = 0;
  for (const kind of [roles.key, roles.door, roles.heal]) {
    role.forEach((found, cell) => {
      if (found === kind) item[cell] = items++;
    });
  }
  if (items > MAX_ITEMS) throw new Error(`${items} keys, doors and heals; at most ${MAX_ITEMS} are supported`);
  const platformer = game.movement === "platformer";
  const profile = game.rules.jump_profile;
  const level = {
    game,
    tiles: Uint8Array.from(tiles),
    width,
    height,
    role,
    item,
    items,
    platformer,
    profile,
    fallIndex: Math.max(0, profile.findIndex((rise) => rise < 0)),
    start: Math.max(0, role.lastIndexOf(roles.start)),
    cycle: game.rules.patrol_cycle,
    timeLimit: timeLimit(game, width, height),
    patrolHomes: [],
    patrols: [],
  };
  role.forEach((found, cell) => {
    if (found === roles.enemy_h || found === roles.enemy_v) {
      level.patrolHomes.push(cell);
      level.patrols.push(beat(level, cell));
    }
  });
  return level;
}

/** Turns or ticks allowed on a level of this size; larger levels get more in proportion to their area. */
export function timeLimit(game, width, height) {
  const own = game.rules.time_limit;
  return Math.max(own, Math.ceil(own * ((width * height) / (game.size[0] * game.size[1]))));
}

/** @returns {State} the state in which a level begins */
export function startState(level) {
  return {
    y: Math.floor(level.start / level.width),
    x: level.start % level.width,
    jump: 0,
    hp: level.game.rules.hit_points,
    keys: 0,
    taken: 0,
    t: 0,
    outcome: "running",
    entered: [],
  };
}

/**
 * One turn or tick. After the end of a run the state stays as it is.
 *
 * @param {Level} level
 * @param {State} state
 * @param {number} action index into `game.actions`
 * @returns {State} a new state
 */
export function step(level, state, action) {
  if (state.outcome !== "running") return state;
  const body = { ...state, entered: [] };
  const before = state.y * level.width + state.x;
  const running = level.platformer ? tick(level, body, action) : turn(level, body, action);
  if (running) {
    body.hp = patrolDamage(level, state.t, before, body.y * level.width + body.x, body.hp);
    if (body.hp <= 0) body.outcome = "lost";
  }
  body.t = state.t + 1;
  if (body.outcome === "running" && body.t >= level.timeLimit) body.outcome = "lost";
  return body;
}

/** All states of a run, the first one included; `actions` past its end are not played. */
export function replay(level, actions) {
  const states = [startState(level)];
  for (const action of actions) {
    const last = states[states.length - 1];
    if (last.outcome !== "running") break;
    states.push(step(level, last, action));
  }
  return states;
}

/** A solution as levels carry it (one character an action) as indices into `game.actions`. */
export function decodeSolution(text, game) {
  return [...text].map((code) => {
    const action = game.actions.findIndex((known) => known.code === code);
    if (action < 0) throw new Error(`${code} is no action of ${game.name}`);
    return action;
  });
}

/** The opposite of {@link decodeSolution}. */
export function encodeSolution(actions, game) {
  return actions.map((action) => game.actions[action].code).join("");
}

// --- what both movements share --------------------------------------------------------------------------

/** Whether a cell stops movement: solid, or a door that is still closed. */
export function blocks(level, taken, cell) {
  const roles = level.game.roles;
  const kind = level.role[cell];
  return kind === roles.solid || (kind === roles.door && !isTaken(taken, level.item[cell]));
}

/** Take what lies on a cell and suffer what stands there; whether the run goes on. */
function enter(level, body, cell) {
  const { roles, rules } = level.game;
  const kind = level.role[cell];
  body.entered.push(cell);
  if (kind === roles.key) {
    if (!isTaken(body.taken, level.item[cell])) {
      body.taken += 2 ** level.item[cell];
      body.keys += 1;
    }
  } else if (kind === roles.heal) {
    if (body.hp < rules.hit_points && !isTaken(body.taken, level.item[cell])) {
      body.taken += 2 ** level.item[cell];
      body.hp += 1;
    }
  } else if (kind === roles.hazard) {
    body.hp = rules.hazard === "kill" ? 0 : body.hp - 1;
  }
  if (body.hp <= 0) body.outcome = "lost";
  else if (kind === roles.goal) body.outcome = "won";
  return body.outcome === "running";
}

/** Open a closed door with a key, if there is one at this cell and one in hand. */
function unlock(level, body, cell) {
  if (level.role[cell] === level.game.roles.door && body.keys > 0 && blocks(level, body.taken, cell)) {
    body.taken += 2 ** level.item[cell];
    body.keys -= 1;
  }
}

/** Hit points left after the patrols' move; a patrol hits when it ends on the player's cell or the two swap cells. */
function patrolDamage(level, t, before, after, hp) {
  const now = t % level.cycle;
  const then = (t + 1) % level.cycle;
  for (const patrol of level.patrols) {
    if (patrol[then] === after || (patrol[then] === before && patrol[now] === after && before !== after)) {
      hp = level.game.rules.enemy === "kill" ? 0 : hp - 1;
    }
  }
  return hp;
}

// --- top-down -------------------------------------------------------------------------------------------

/** The player's part of a turn: up, down, left, right or wait; whether the run goes on. */
function turn(level, body, action) {
  const y = body.y + (action === 1) - (action === 0);
  const x = body.x + (action === 3) - (action === 2);
  if (action >= 4 || y < 0 || y >= level.height || x < 0 || x >= level.width) return true;
  const cell = y * level.width + x;
  unlock(level, body, cell);
  if (blocks(level, body.taken, cell)) return true;
  body.y = y;
  body.x = x;
  return enter(level, body, cell);
}

// --- side view ------------------------------------------------------------------------------------------

/** Whether a body at (y, x) stands on something: solid, one-way, or the top of a ladder. */
export function supported(level, taken, y, x) {
  if (y + 1 >= level.height) return false;
  const roles = level.game.roles;
  const below = (y + 1) * level.width + x;
  if (blocks(level, taken, below) || level.role[below] === roles.one_way) return true;
  return level.role[below] === roles.ladder && level.role[y * level.width + x] !== roles.ladder;
}

/**
 * The player's part of a tick: idle, left, right, jump, jump+left or jump+right; whether the run goes on.
 *
 * The vertical part comes first, row by row, then one column sideways. The top edge of the map is a ceiling.
 */
function tick(level, body, action) {
  const { height, width, profile, fallIndex, role } = level;
  const { roles, rules } = level.game;
  const hold = action >= 3;
  const dx = (action % 3 === 2) - (action % 3 === 1);
  const last = profile.length - 1;
  const climbing = role[body.y * width + body.x] === roles.ladder;
  let rise;
  if (climbing) {
    body.jump = 0;
    if (hold) {
      rise = 1;
    } else {
      const below = (body.y + 1) * width + body.x;
      const stopped = body.y + 1 < height && (blocks(level, body.taken, below) || role[below] === roles.one_way);
      rise = stopped ? 0 : -1;
    }
  } else if (body.jump === 0 && supported(level, body.taken, body.y, body.x)) {
    rise = hold ? profile[0] : 0;
    body.jump = hold ? 1 : 0;
  } else {
    if (body.jump === 0 || (!hold && profile[Math.min(body.jump, last)] > 0)) body.jump = fallIndex;
    rise = profile[Math.min(body.jump, last)];
    body.jump = Math.min(body.jump + 1, last);
  }

  for (; rise > 0; rise--) {
    if (body.y === 0 || blocks(level, body.taken, (body.y - 1) * width + body.x)) {
      body.jump = climbing ? 0 : fallIndex;
      break;
    }
    body.y -= 1;
    if (!enter(level, body, body.y * width + body.x)) return false;
  }
  for (; rise < 0; rise++) {
    if (!climbing && supported(level, body.taken, body.y, body.x)) {
      body.jump = 0;
      break;
    }
    body.y += 1;
    if (body.y >= height) break;
    if (!enter(level, body, body.y * width + body.x)) return false;
  }
  if (body.y < height && dx !== 0 && body.x + dx >= 0 && body.x + dx < width) {
    const cell = body.y * width + body.x + dx;
    unlock(level, body, cell);
    if (!blocks(level, body.taken, cell)) {
      body.x += dx;
      if (!enter(level, body, cell)) return false;
    }
  }
  if (body.y >= height) {
    body.hp = rules.fall_out === "kill" ? 0 : body.hp - 1;
    body.jump = 0;
    if (body.hp <= 0) {
      body.y = height - 1;
      body.outcome = "lost";
      return false;
    }
    body.y = Math.floor(level.start / width);
    body.x = level.start % width;
    body.entered.push(level.start);
  } else if (
    role[body.y * width + body.x] === roles.ladder ||
    (body.jump > 0 && profile[body.jump] <= 0 && supported(level, body.taken, body.y, body.x))
  ) {
    body.jump = 0;
  }
  return true;
}

// --- patrols --------------------------------------------------------------------------------------------

/** Whether something below the cell carries a walker. */
function grounded(level, cell) {
  const roles = level.game.roles;
  const below = level.role[cell + level.width];
  return below === roles.solid || below === roles.one_way || below === roles.ladder;
}

/** Whether a patrol may walk over a cell. */
function free(level, cell, walks) {
  const roles = level.game.roles;
  const open = [roles.empty, roles.start, roles.enemy_h, roles.enemy_v].includes(level.role[cell]);
  return open && (!walks || grounded(level, cell));
}

/**
 * The cells of one patrol's beat, by phase.
 *
 * A beat is a stretch of the run of free floor through the patrol's home, as long as its period (there, turn,
 * back, turn: twice its length) still divides the game's cycle, so that all patrols share one short cycle.
 */
function beat(level, home) {
  const { width, height, cycle } = level;
  const horizontal = level.role[home] === level.game.roles.enemy_h;
  const walks = horizontal && level.platformer;
  const stride = horizontal ? 1 : width;
  const place = horizontal ? home % width : Math.floor(home / width);
  const size = horizontal ? width : height;
  let low = place;
  let high = place;
  if (!walks || grounded(level, home)) {
    while (low > 0 && free(level, home + (low - 1 - place) * stride, walks)) low--;
    while (high < size - 1 && free(level, home + (high + 1 - place) * stride, walks)) high++;
  }
  let length = 1;
  for (let candidate = 1; candidate <= high - low + 1; candidate++) {
    if (Math.floor(cycle / 2) % candidate === 0) length = candidate;
  }
  const first = Math.min(Math.max(place - Math.floor(length / 2), low), high - length + 1);
  return Int32Array.from({ length: cycle }, (_, phase) => {
    const u = (place - first + phase) % (2 * length);
    const offset = u < length ? u : 2 * length - 1 - u;
    return home + (first + offset - place) * stride;
  });
}
