/**
 * One visitor's run on one level: who presses the keys (a person, the playtester or the proof), and when.
 *
 * Knows nothing of the screen: it tells `changed(before, state)` after every step.
 */

import { Observer } from "../levelforge/observation.js";
import { slip } from "../levelforge/playtester.js";
import { Random } from "../levelforge/random.js";
import { startState, step } from "../levelforge/rules.js";

export class Session {
  /**
   * @param {object} playtester of kit.js
   * @param {{changed: Function, thought: Function}} tell `changed(before, state)`, `thought(values, action)`
   */
  constructor(playtester, tell) {
    this.playtester = playtester;
    this.tell = tell;
    this.mode = "play";
    this.speed = 8; // ticks a second of whoever does not wait for keys
    this.noise = 0;
    this.run = 0; // a later run makes what an earlier one still waits for void
  }

  /** Begin a level (or begin it again). */
  begin(level = this.level, solution = this.solution) {
    this.run++;
    this.level = level;
    this.solution = solution;
    this.state = startState(level);
    this.actions = [];
    this.collected = new Set();
    this.eyes = new Observer(level);
    this.tell.changed(null, this.state);
    if (this.mode !== "play") this._goOn(this.run);
  }

  /** "play", "watch" or "proof"; begins the level again. */
  setMode(mode) {
    this.mode = mode;
    if (this.level) this.begin();
  }

  /** Press an action, if the run goes on. */
  act(action) {
    const before = this.state;
    if (before.outcome !== "running") return;
    this.state = step(this.level, before, action);
    this.actions.push(action);
    for (const cell of this.state.entered) {
      if (this.level.role[cell] === this.level.game.roles.collectible) this.collected.add(cell);
    }
    this.eyes.update(before, this.state);
    this.tell.changed(before, this.state);
  }

  async _goOn(run) {
    const random = new Random(run);
    const current = () => run === this.run && this.state.outcome === "running";
    await pause(500);
    while (current()) {
      const due = performance.now() + 1000 / this.speed;
      let action = this.solution[this.state.t];
      if (this.mode === "watch") {
        const choice = await this.playtester.choose(this.eyes.observe(), random);
        if (!current()) return;
        action = slip(choice.action, this.noise, this.level.game.actions.length, random);
        this.tell.thought(choice.values, action);
      }
      this.act(action);
      await pause(due - performance.now());
    }
  }
}

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, Math.max(0, ms)));
