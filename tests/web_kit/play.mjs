// Plays cases under the web kit's rules and tells every state: JSON on standard input and output.
//
// in:  { kit: folder of the modules, games: { name: game.json }, tilesets: { name: tileset.json },
//        cases: [{ game, width, height, tiles, actions, observe, solve, pictures }] }
// out: [{ states: [[y, x, jump, hp, keys, taken, outcome]], observations: [{ view, map, scalars, persona }],
//         solution: { verdict, actions }, pictures: { terrain, entities } }]
import { readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";

const { kit, games, tilesets, cases } = JSON.parse(readFileSync(0, "utf8"));
const load = (name) => import(new URL(name, pathToFileURL(`${kit}/`)));
const { compileLevel, replay } = await load("rules.js");
const { Observer } = await load("observation.js");
const { solve } = await load("solver.js");
const { pictures } = await load("tileset.js");

const told = cases.map((each) => {
  const game = games[each.game];
  const level = compileLevel(each.tiles, each.width, each.height, game);
  const states = replay(level, each.actions ?? []);
  const answer = {
    states: states.map((s) => [s.y, s.x, s.jump, s.hp, s.keys, s.taken, s.outcome]),
  };
  if (each.observe) {
    const eyes = new Observer(level, each.observe);
    const seen = () => Object.fromEntries(Object.entries(eyes.observe()).map(([name, data]) => [name, [...data]]));
    answer.observations = [seen()];
    for (let i = 1; i < states.length; i++) {
      eyes.update(states[i - 1], states[i]);
      answer.observations.push(seen());
    }
  }
  if (each.solve) answer.solution = solve(level, each.solve);
  if (each.pictures) {
    const { terrain, entities } = pictures(each.tiles, each.width, each.height, game, tilesets[each.game]);
    answer.pictures = { terrain: [...terrain], entities: [...entities] };
  }
  return answer;
});
console.log(JSON.stringify(told));
