/**
 * Exact search for a way to win: a proof that a level can be beaten, or that it cannot.
 *
 *     const { verdict, actions } = solve(level);   // a level of rules.js
 *     if (verdict === "beatable") …                // actions: a shortest win
 *
 * Two stages, both over the rules themselves:
 * 1. The relaxed game, without patrols, hit points and the clock: all its states are walked through once. What cannot
 *    be won here cannot be won at all, and a shortest win that also holds under the full rules is a shortest win.
 * 2. Otherwise A* over full states (keys, doors and heals used, jump, cell, patrol phase), guided by the exact
 *    relaxed distances. Of two visits to one such state, the later one counts only with more hit points.
 */

import { compileLevel, replay, startState, step } from "./rules.js";

/** States the second stage may look at before it gives up as undecided. */
export const NODE_LIMIT = 150_000;

/**
 * @param {import("./rules.js").Level} level
 * @param {number} nodeLimit
 * @returns {{verdict: "beatable"|"unbeatable"|"undecided", actions: number[]|null, expanded: number}}
 */
export function solve(level, nodeLimit = NODE_LIMIT) {
  const count = (role) => level.role.filter((found) => found === level.game.roles[role]).length;
  if (count("start") !== 1 || count("goal") === 0) return { verdict: "unbeatable", actions: null, expanded: 0 };
  const relaxed = relax(level);
  if (relaxed.actions === null) return { verdict: "unbeatable", actions: null, expanded: relaxed.size };
  const states = replay(level, relaxed.actions);
  if (states[states.length - 1].outcome === "won" && states.length === relaxed.actions.length + 1) {
    return { verdict: "beatable", actions: relaxed.actions, expanded: relaxed.size };
  }
  return search(level, relaxed, nodeLimit);
}

/** Distances to the goal from every state of the relaxed game that can be reached, and a shortest win in it. */
function relax(level) {
  const { width, height } = level;
  const plenty = 2 ** 40;
  const game = { ...level.game, rules: { ...level.game.rules, hit_points: plenty } };
  const easy = compileLevel(level.tiles, width, height, game);
  easy.patrols = [];
  easy.timeLimit = Infinity;
  const phases = Math.max(1, level.profile.length);
  const cells = width * height;
  const key = (s) => (s.taken * phases + s.jump) * cells + s.y * width + s.x;

  const known = new Map(); // key to number, in the order of discovery
  const states = [startState(easy)];
  const parents = [[]]; // for each state, the states one step before it
  const winners = []; // states from which one step wins
  known.set(key(states[0]), 0);
  for (let at = 0; at < states.length; at++) {
    for (let action = 0; action < game.actions.length; action++) {
      const next = step(easy, states[at], action);
      if (next.outcome === "won") winners.push(at);
      if (next.outcome !== "running") continue;
      next.hp = plenty;
      const name = key(next);
      let number = known.get(name);
      if (number === undefined) {
        number = states.length;
        known.set(name, number);
        states.push(next);
        parents.push([]);
      }
      parents[number].push(at);
    }
  }

  const distance = new Int32Array(states.length).fill(-1);
  const queue = [];
  const reach = (number, steps) => {
    if (distance[number] >= 0) return;
    distance[number] = steps;
    queue.push(number);
  };
  winners.forEach((number) => reach(number, 1));
  for (let head = 0; head < queue.length; head++) {
    for (const parent of parents[queue[head]]) reach(parent, distance[queue[head]] + 1);
  }
  const distanceOf = (state) => distance[known.get(key(state)) ?? -1] ?? -1;
  return { actions: descend(easy, distanceOf, plenty), distanceOf, size: states.length, phases };
}

/** A shortest win of the relaxed game, downhill along the distances. */
function descend(easy, distanceOf, plenty) {
  const actions = [];
  let state = startState(easy);
  if (distanceOf(state) < 0) return null;
  while (state.outcome === "running") {
    const wanted = distanceOf(state) - 1;
    for (let action = 0; ; action++) {
      const next = step(easy, state, action);
      next.hp = plenty;
      if (next.outcome === "won" || (next.outcome === "running" && wanted > 0 && distanceOf(next) === wanted)) {
        actions.push(action);
        state = next;
        break;
      }
    }
  }
  return actions;
}

function search(level, { distanceOf, phases }, nodeLimit) {
  const { width, height } = level;
  const cells = width * height;
  const period = commonPeriod(level);
  const heals = level.role.filter((found) => found === level.game.roles.heal).length;
  const locks = 2 ** (level.items - heals); // heals come last among the items
  const key = (s) => (((s.taken * phases + s.jump) * cells + s.y * width + s.x) * period) + (s.t % period);
  const first = startState(level);
  const buckets = []; // nodes by steps so far + distance; last in, first out
  const push = (node, estimate) => (buckets[estimate] ??= []).push(node);
  push({ state: first, parent: null, action: -1 }, distanceOf(first));
  const best = new Map(); // most hit points with which a state was looked at
  let expanded = 0;
  for (let estimate = 0; estimate <= level.timeLimit; estimate++) {
    const bucket = buckets[estimate] ?? [];
    while (bucket.length > 0) {
      const node = bucket.pop();
      const name = key(node.state);
      if ((best.get(name) ?? 0) >= node.state.hp) continue;
      best.set(name, node.state.hp);
      if (expanded >= nodeLimit) return { verdict: "undecided", actions: null, expanded };
      expanded++;
      for (let action = 0; action < level.game.actions.length; action++) {
        const next = step(level, node.state, action);
        const child = { state: next, parent: node, action };
        if (next.outcome === "won") return { verdict: "beatable", actions: trace(child), expanded };
        if (next.outcome === "lost") continue;
        // the relaxed game never takes a heal: nobody in it is ever hurt
        const ahead = distanceOf({ ...next, taken: next.taken % locks });
        if (ahead < 0 || next.t + ahead > level.timeLimit) continue;
        if ((best.get(key(next)) ?? 0) >= next.hp) continue;
        push(child, next.t + ahead);
      }
    }
  }
  return { verdict: "unbeatable", actions: null, expanded };
}

function trace(node) {
  const actions = [];
  for (; node.parent; node = node.parent) actions.push(node.action);
  return actions.reverse();
}

/** Turns after which all patrols of the level are where they were; it divides the game's cycle. */
function commonPeriod({ patrols, cycle }) {
  for (let period = 1; period < cycle; period++) {
    if (cycle % period) continue;
    if (patrols.every((cells) => cells.every((cell, phase) => cell === cells[(phase + period) % cycle]))) return period;
  }
  return cycle;
}
