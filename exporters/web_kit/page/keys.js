/**
 * From the keyboard to actions.
 *
 * Top-down games take a turn for every key. Side-view games tick by themselves, with whatever is held, from the first
 * key on; or, in steps, once for every key.
 */

const KEYS = {
  ArrowUp: "up", ArrowDown: "down", ArrowLeft: "left", ArrowRight: "right",
  KeyW: "up", KeyS: "down", KeyA: "left", KeyD: "right",
  Space: "space", Period: "down", KeyQ: "up left", KeyE: "up right",
};

export const TICKS = 9; // a second, of a side-view game that a person plays

export class Keys {
  /** @param {EventTarget} target where keys are heard; @param {(action: number) => void} act */
  constructor(target, act) {
    this.act = act;
    this.held = new Map(); // key code to its words
    this.tapped = new Set(); // words pressed since the last tick
    this.steps = false;
    this.game = null;
    this.enabled = () => true;
    target.addEventListener("keydown", (event) => this._down(event));
    target.addEventListener("keyup", (event) => this.held.delete(event.code));
    target.addEventListener("blur", () => this.held.clear());
  }

  /** Begin to listen for a game; a ticking one waits for the first key. */
  begin(game) {
    this.game = game;
    clearInterval(this.timer);
    this.timer = null;
    this.held.clear();
    this.tapped.clear();
  }

  _down(event) {
    const words = KEYS[event.code];
    if (!words || !this.game || event.ctrlKey || event.metaKey || event.altKey || !this.enabled()) return;
    if (event.target.closest?.("input, select, button")) return;
    event.preventDefault(); // no scrolling
    const platformer = this.game.movement === "platformer";
    this.held.set(event.code, words);
    if (!platformer) this.act(turnAction(words));
    else if (this.steps) this.act(tickAction([...this.held.values()].join(" ")));
    else {
      words.split(" ").forEach((word) => this.tapped.add(word));
      this.timer ??= setInterval(() => this._tick(), 1000 / TICKS);
    }
  }

  _tick() {
    if (!this.enabled()) return;
    this.act(tickAction([...this.tapped, ...this.held.values()].join(" ")));
    this.tapped.clear();
  }
}

/** up, down, left, right, wait */
function turnAction(words) {
  return Math.max(0, ["up", "down", "left", "right", "space"].findIndex((word) => words.includes(word)));
}

/** idle, left, right, jump, jump+left, jump+right */
function tickAction(words) {
  const side = words.includes("left") === words.includes("right") ? 0 : words.includes("left") ? 1 : 2;
  return side + (words.includes("up") || words.includes("space") ? 3 : 0);
}
