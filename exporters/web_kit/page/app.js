/** The page: its controls, and what they set going. */

import * as ort from "../vendor/ort.wasm.bundle.min.mjs";
import { levelJson, levelTmj } from "../levelforge/files.js";
import { countRanges, entityNames } from "../levelforge/generate.js";
import { loadKit } from "../levelforge/kit.js";
import { replay } from "../levelforge/rules.js";
import { icon } from "../levelforge/tileset.js";
import { Keys, TICKS } from "./keys.js";
import { Session } from "./session.js";
import { View } from "./view.js";

ort.env.wasm.numThreads = 1; // one thread needs no special headers of the server

const byId = (id) => document.getElementById(id);
const say = (text, bad = false) => {
  byId("status").textContent = text;
  byId("status").classList.toggle("bad", bad);
};

let kit, view, session, keys;
let made = null; // the level at hand: { level, solution, seed, … }

start().catch((error) => {
  console.error(error);
  say(`The page could not start: ${error.message}`, true);
});

async function start() {
  kit = await loadKit(new URL("../", import.meta.url), ort);
  const { game } = kit;
  document.body.dataset.movement = game.movement;
  document.body.dataset.mode = "play";
  byId("about").textContent = game.description;
  layOut(game);
  view = await View.open(byId("stage"), kit);
  session = new Session(kit.playtester, { changed: drawState, thought: drawThought });
  keys = new Keys(window, (action) => session.act(action));
  keys.enabled = () => session.mode === "play";
  listen();
  readAddress();
  byId("make").disabled = false;
  window.levelforge = { kit, session, view, made: () => made }; // for the curious, at the console
  await make();
}

// --- controls -------------------------------------------------------------------------------------------

function layOut(game) {
  const [width, height] = game.size;
  const scaled = (share) =>
    [width, height].map((side, i) =>
      Math.min(game.max_size[i], Math.max(game.min_size[i], Math.round((side * share) / 4) * 4)),
    );
  const sizes = new Set([[width, height], scaled(0.65), scaled(1.5)].map((size) => size.join("x")));
  byId("size").replaceChildren(...[...sizes].map((size) => new Option(size.replace("x", " × "), size)));

  const dial = byId("difficulty");
  const [low, high] = game.measures.difficulty_range.map((share) => Math.round(share * 100));
  Object.assign(dial, { min: low - 1, max: high, value: low - 1 });

  const rows = entityNames(game)
    .filter((name) => game.counts[name][0] < game.counts[name][1])
    .map((name) => {
      const row = document.createElement("div");
      row.className = "dial";
      const label = Object.assign(document.createElement("label"), { htmlFor: `count-${name}`, textContent: name });
      const input = Object.assign(document.createElement("input"), { type: "range", id: `count-${name}`, step: 1 });
      input.dataset.count = name;
      row.append(picture(name), label, input, document.createElement("output"));
      return row;
    });
  byId("counts").replaceChildren(...rows);
  setRanges();

  const keysOf = (...names) => names.map((name) => `<kbd>${name}</kbd>`).join(" ");
  byId("help").innerHTML =
    game.movement === "platformer"
      ? `${keysOf("←", "→")} run · ${keysOf("↑")} or ${keysOf("Space")} jump, climb · ${keysOf("Q", "E")} jump left, right`
      : `${keysOf("←", "↑", "→", "↓")} move · ${keysOf("Space")} wait`;
}

/** The counts that a level of the chosen size may have; the lowest place of a slider leaves it open. */
function setRanges() {
  const [width, height] = byId("size").value.split("x").map(Number);
  const ranges = countRanges(kit.game, width, height);
  for (const input of countInputs()) {
    const [low, high] = ranges[input.dataset.count];
    const open = input.min === "" || input.value === input.min;
    Object.assign(input, { min: low - 1, max: high });
    if (open) input.value = low - 1;
  }
  drawDials();
}

const countInputs = () => document.querySelectorAll("input[data-count]");
const isOpen = (input) => input.value === input.min;

function drawDials() {
  for (const input of [byId("difficulty"), ...countInputs()]) {
    const output = input.parentElement.querySelector("output");
    output.textContent = isOpen(input) ? "any" : input.dataset.count ? input.value : (input.value / 100).toFixed(2);
    output.classList.toggle("any", isOpen(input));
  }
}

function listen() {
  byId("wish").addEventListener("input", drawDials);
  byId("size").addEventListener("change", setRanges);
  byId("wish").addEventListener("submit", (event) => {
    event.preventDefault();
    // an unchanged wish gives an unchanged level: what people mean is another one
    if (made && JSON.stringify(wish()) === JSON.stringify(made.wish)) byId("seed").value = (wish().seed + 1) % 2 ** 32;
    make();
  });
  byId("dice").addEventListener("click", () => {
    byId("seed").value = Math.floor(Math.random() * 100_000);
    make();
  });
  for (const button of document.querySelectorAll("[data-mode]:not(body)")) {
    button.addEventListener("click", () => setMode(button.dataset.mode));
  }
  byId("restart").addEventListener("click", restart);
  byId("steps").addEventListener("change", (event) => {
    keys.steps = event.target.checked;
    restart();
  });
  byId("speed").addEventListener("input", (event) => (session.speed = Number(event.target.value)));
  byId("speed").value = session.speed;
  byId("noise").addEventListener("change", (event) => {
    session.noise = Number(event.target.value);
    restart();
  });
  for (const button of document.querySelectorAll("[data-file]")) {
    button.addEventListener("click", () => download(button.dataset.file));
  }
}

/** What the controls ask for. */
function wish() {
  const [width, height] = byId("size").value.split("x").map(Number);
  const dial = byId("difficulty");
  const counts = {};
  for (const input of countInputs()) if (!isOpen(input)) counts[input.dataset.count] = Number(input.value);
  return {
    seed: Math.min(2 ** 32 - 1, Math.max(0, Math.floor(Number(byId("seed").value) || 0))),
    width,
    height,
    difficulty: isOpen(dial) ? null : Number(dial.value) / 100,
    counts,
  };
}

/** A wish is also an address, so that a level can be passed on. */
function writeAddress({ seed, width, height, difficulty, counts }) {
  const parts = new URLSearchParams({ seed, size: `${width}x${height}`, ...counts });
  if (difficulty !== null) parts.set("difficulty", difficulty);
  history.replaceState(null, "", `#${parts}`);
}

function readAddress() {
  const parts = new URLSearchParams(location.hash.slice(1));
  byId("seed").value = parts.get("seed") ?? 1;
  if ([...byId("size").options].some(({ value }) => value === parts.get("size"))) byId("size").value = parts.get("size");
  setRanges();
  if (parts.has("difficulty")) byId("difficulty").value = Math.round(Number(parts.get("difficulty")) * 100);
  for (const input of countInputs()) if (parts.has(input.dataset.count)) input.value = parts.get(input.dataset.count);
  drawDials();
}

// --- making and playing ---------------------------------------------------------------------------------

async function make() {
  const asked = wish();
  byId("make").disabled = true;
  const began = performance.now();
  try {
    const found = await kit.generate({
      ...asked,
      progress: (tried, why) => say(why ? `Candidate ${tried}: ${why}; trying another…` : `Candidate ${tried} is good.`),
    });
    made = { ...found, wish: asked };
    const ms = Math.round(performance.now() - began);
    say(`Made and proven in ${ms} ms${found.tried > 1 ? `, ${found.tried} candidates` : ""}.`);
    writeAddress(asked);
    view.show(made.level);
    drawFacts();
    restart();
  } catch (error) {
    console.error(error);
    say(`${error.message[0].toUpperCase()}${error.message.slice(1)}.`, true);
  } finally {
    byId("make").disabled = false;
  }
}

function setMode(mode) {
  document.body.dataset.mode = mode;
  for (const button of document.querySelectorAll("[data-mode]:not(body)")) {
    button.setAttribute("aria-pressed", String(button.dataset.mode === mode));
  }
  session.mode = mode;
  byId("thoughts").replaceChildren();
  restart();
}

function restart() {
  if (!made) return;
  const proof = session.mode === "proof";
  view.drawPath(proof ? replay(made.level, made.solution).map((s) => s.y * made.level.width + s.x) : null);
  keys.begin(kit.game);
  session.begin(made.level, made.solution);
  byId("stage").focus({ preventScroll: true });
}

// --- what is shown --------------------------------------------------------------------------------------

function picture(name, scale = 1) {
  const { tile_size: size, columns } = kit.tileset;
  const index = icon(name, kit.tileset);
  const span = Object.assign(document.createElement("span"), { className: "icon" });
  span.style.cssText = `width:${size}px;height:${size}px;background-image:url("${kit.sheet}");
    background-position:${-(index % columns) * size}px ${-Math.floor(index / columns) * size}px;zoom:${scale}`;
  return span;
}

function drawState(before, state) {
  const { game, role } = session.level;
  const turning = game.movement === "topdown";
  view.pose(before, state, session.collected, session.mode === "play" ? (turning ? 90 : 1000 / TICKS) : 1000 / session.speed);
  const part = (...content) => {
    const span = document.createElement("span");
    span.append(...content);
    return span;
  };
  const hearts = part();
  const left = Math.max(0, state.hp);
  hearts.className = "lives";
  hearts.title = `${left} of ${game.rules.hit_points} hit points`;
  hearts.innerHTML = "♥".repeat(left) + `<i>${"♥".repeat(game.rules.hit_points - left)}</i>`;
  const parts = [hearts];
  const named = (word) => game.tiles.find((tile) => tile.role === word)?.name;
  const treats = role.filter((kind) => kind === game.roles.collectible).length;
  if (named("key") && role.includes(game.roles.key)) parts.push(part(picture(named("key"), 1.25), `${state.keys}`));
  if (treats) parts.push(part(picture(named("collectible"), 1.25), `${session.collected.size} / ${treats}`));
  parts.push(part(`${turning ? "turn" : "tick"} ${state.t}`));
  byId("hud").replaceChildren(...parts);

  const message = byId("message");
  message.hidden = state.outcome === "running";
  message.className = state.outcome;
  if (message.hidden) return;
  const who = { play: "You", watch: "The playtester", proof: "The proof" }[session.mode];
  const unit = turning ? "turns" : "ticks";
  const end = state.outcome === "won" ? "made it" : state.hp <= 0 ? "ran out of hit points" : "ran out of time";
  message.querySelector("strong").textContent = `${who} ${end}`;
  message.querySelector("span").textContent =
    state.outcome === "won" ? `${state.t} ${unit}; the shortest way takes ${made.solution.length}` : `after ${state.t} ${unit}`;
}

function drawThought(values, action) {
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const cells = kit.game.actions.map(({ name }, i) => {
    const cell = document.createElement("div");
    cell.classList.toggle("best", i === action);
    cell.innerHTML = `${name} <b>${values[i].toFixed(2)}</b><meter min="0" max="1"></meter>`;
    cell.querySelector("meter").value = (values[i] - low) / (high - low || 1);
    return cell;
  });
  byId("thoughts").replaceChildren(...cells);
}

function drawFacts() {
  const { level, solution, counts, predicted } = made;
  const unit = kit.game.movement === "topdown" ? "turns" : "ticks";
  const facts = [["Shortest way", `${solution.length} ${unit}`], ["Size", `${level.width} × ${level.height}`]];
  if (predicted !== null) facts.push(["Predicted difficulty", predicted.toFixed(2)]);
  const placed = Object.entries(counts).filter(([name]) => kit.game.counts[name][1] > 1);
  const rows = [...facts, ...placed].map(([term, value]) => {
    const row = document.createElement("div");
    const [dt, dd] = ["dt", "dd"].map((tag) => document.createElement(tag));
    dt.textContent = term;
    dd.textContent = value;
    row.append(dt, dd);
    return row;
  });
  byId("facts").replaceChildren(...rows);
}

async function download(kind) {
  if (!made) return;
  const { level, solution, wish: asked, predicted } = made;
  const id = `${kit.game.name}-web-${asked.seed}`;
  const extra = { made_by: "LevelForge web kit", web_seed: asked.seed };
  if (predicted !== null) extra.predicted_difficulty = Number(predicted.toFixed(4));
  const about = { id, solution, pack: kit.pack, extra };
  const files = {
    json: () => [`${id}.json`, levelJson(level, about), "application/json"],
    tmj: () => [`${id}.tmj`, levelTmj(level, about, kit.tileset, kit.tiled), "application/json"],
    png: async () => [kit.tiled.tileset.image, await (await fetch(kit.sheet)).blob(), "image/png"],
  };
  const [name, content, type] = await files[kind]();
  const link = Object.assign(document.createElement("a"), { download: name });
  link.href = URL.createObjectURL(new Blob([content], { type }));
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}
