// Loads a TMJ map in Phaser in Chromium as any game would, and lets a body walk, with arcade physics, from a free cell
// towards a wall. JSON in: { origin, map, image, tileset, walks: [{ x, y, dx, dy }], picture }; JSON out: what was found.
import { readFileSync } from "node:fs";
import { inBrowser } from "./browser.mjs";

const task = JSON.parse(readFileSync(0, "utf8"));

const found = await inBrowser(task.origin, async (page) => {
  await page.goto(`${task.origin}blank.html`);
  const told = await page.evaluate(async ({ map: file, image, tileset: name, walks }) => {
    const Phaser = await import("/phaser/phaser.esm.min.js");
    const scene = await new Promise((resolve) => {
      new Phaser.Game({
        type: Phaser.AUTO,
        width: 1024,
        height: 768,
        pixelArt: true,
        banner: false,
        audio: { noAudio: true },
        physics: { default: "arcade", arcade: { fps: 60 } },
        scene: {
          preload() {
            this.load.tilemapTiledJSON("map", file);
            this.load.spritesheet("sheet", image, { frameWidth: 16, frameHeight: 16 });
          },
          create() {
            resolve(this);
          },
        },
      });
    });
    const map = scene.make.tilemap({ key: "map" });
    const tiles = map.addTilesetImage(name, "sheet");
    const layer = map.createLayer("terrain", tiles, 0, 0);
    layer.setCollisionByProperty({ solid: true });
    for (const { gid, x, y } of map.getObjectLayer("entities").objects) {
      scene.add.sprite(x, y, "sheet", gid - 1).setOrigin(0, 1); // of a tile object, Tiled gives the bottom left corner
    }

    const size = map.tileWidth;
    const bodies = walks.map(({ x, y, dx, dy }) => {
      const body = scene.physics.add.sprite((x + 0.5) * size, (y + 0.5) * size, "sheet", 0).setVisible(false);
      body.setSize(size - 4, size - 4).setVelocity(dx * 120, dy * 120);
      scene.physics.add.collider(body, layer);
      return body;
    });
    // the physics clock by hand: 10 seconds of game, whatever the machine takes for a frame
    for (let i = 0; i < 600; i++) {
      scene.physics.world.update(i * (1000 / 60), 1000 / 60);
      scene.physics.world.postUpdate();
    }
    scene.cameras.main.setZoom(Math.min(1024 / map.widthInPixels, 768 / map.heightInPixels));
    scene.cameras.main.centerOn(map.widthInPixels / 2, map.heightInPixels / 2);
    bodies.forEach((body) => body.setVisible(true).setTint(0xff3355));
    await new Promise((resolve) => scene.game.events.once("postrender", () => requestAnimationFrame(resolve)));
    return {
      version: Phaser.VERSION,
      size: [map.width, map.height, map.tileWidth],
      gids: layer.layer.data.map((row) => row.map((tile) => tile.index)),
      solid: layer.layer.data.map((row) => row.map((tile) => tile.properties.solid === true)),
      names: layer.layer.data.map((row) => row.map((tile) => tile.properties.tile)),
      entities: map.getObjectLayer("entities").objects.map(({ type, x, y, gid }) => ({ type, x, y, gid })),
      properties: Object.fromEntries(map.properties.map(({ name, value }) => [name, value])),
      bodies: bodies.map(({ x, y }) => [x / size - 0.5, y / size - 0.5]),
    };
  }, task);
  await page.locator("canvas").screenshot({ path: task.picture });
  return told;
});
console.log(JSON.stringify(found));
