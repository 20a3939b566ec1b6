// A person's session with a web kit in Chromium: make a level, win it with the keyboard along its proof, watch the
// playtester, see the proof, download. JSON in: { origin, folder, treat, own }; JSON out: what was seen.
import { readFileSync } from "node:fs";
import { inBrowser } from "./browser.mjs";

const { origin, folder, treat, own } = JSON.parse(readFileSync(0, "utf8"));
const KEYS = {
  topdown: ["ArrowUp", "ArrowDown", "ArrowLeft", "ArrowRight", "Space"],
  platformer: ["KeyS", "ArrowLeft", "ArrowRight", "ArrowUp", "KeyQ", "KeyE"],
};

const seen = await inBrowser(origin, async (page) => {
  const look = () =>
    page.evaluate(() => {
      const { kit, session, made } = window.levelforge;
      const { outcome, t, hp } = session.state;
      return { movement: kit.game.movement, outcome, t, hp, made: { ...made(), level: undefined } };
    });
  const message = () => page.textContent("#message strong");
  const ended = () => page.waitForFunction(() => window.levelforge.session.state.outcome !== "running");
  const seen = { files: [] };
  await page.goto(origin);
  await page.waitForFunction(() => window.levelforge?.made());
  seen.first = await look();

  // another seed and other wishes, by hand
  await page.fill("#seed", "4");
  await page.fill("#difficulty", "40");
  await page.fill(`#count-${treat}`, "3");
  await page.click("#make");
  await page.waitForFunction(() => window.levelforge.made().wish.seed === 4 && !document.querySelector("#make").disabled);
  seen.second = await look();
  seen.status = await page.textContent("#status");
  await page.screenshot({ path: `${folder}/play.png`, fullPage: true });

  const { movement, made } = seen.second;
  if (movement === "platformer") await page.check("#steps"); // the clock waits for the keys
  await page.focus("#stage");
  for (const action of made.solution) await page.keyboard.press(KEYS[movement][action]);
  seen.played = await look();
  seen.playedMessage = await message();

  for (const kind of ["json", "tmj", "png"]) {
    const [download] = await Promise.all([page.waitForEvent("download"), page.click(`[data-file="${kind}"]`)]);
    await download.saveAs(`${folder}/${download.suggestedFilename()}`);
    seen.files.push(download.suggestedFilename());
  }

  await page.evaluate(() => (window.levelforge.session.speed = 60));
  await page.click('[data-mode="proof"]');
  await ended();
  seen.proof = await look();
  await page.click('[data-mode="watch"]');
  await page.waitForFunction(() => window.levelforge.session.state.t >= 12 || window.levelforge.session.state.outcome !== "running");
  await page.screenshot({ path: `${folder}/watch.png`, fullPage: true });
  // to the end of the run, where one comes within the time
  await page.waitForFunction(() => window.levelforge.session.state.outcome !== "running", null, { timeout: 4000 }).catch(() => {});
  seen.watched = await look();
  seen.thoughts = await page.locator("#thoughts b").count();
  seen.watchedActions = await page.evaluate(() => window.levelforge.session.actions);
  if (own) {
    await page.goto(`${origin}${own}`); // a page of one's own, as the manual has it
    await page.waitForFunction(() => document.body.innerText.includes("after"));
    seen.own = await page.evaluate(() => document.body.innerText);
  }
  return seen;
});
console.log(JSON.stringify(seen));
