// Loads a Tiled map and an LDtk project with Excalibur's own plugins in Chromium, as a game would. The LDtk plugin checks
// files against its schema (strict, its default). JSON in: { origin, tiled: [file, …], ldtk }; JSON out: what was found.
import { readFileSync } from "node:fs";
import { inBrowser } from "./browser.mjs";

const task = JSON.parse(readFileSync(0, "utf8"));

const found = await inBrowser(task.origin, async (page) => {
  await page.goto(`${task.origin}excalibur.html`);
  return page.evaluate(async ({ tiled, ldtk }) => {
    const ex = await import("excalibur");
    const { TiledResource } = await import("plugin-tiled");
    const { EntityLayer, IntGridLayer, LdtkResource } = await import("plugin-ldtk");
    ex.Flags.useCanvasGraphicsContext(); // drawing is not what is tested, and software WebGL is slow
    const engine = new ex.Engine({ width: 640, height: 480, suppressPlayButton: true, suppressConsoleBootMessage: true });
    const maps = tiled.map((file) => new TiledResource(file, { layerConfig: { terrain: { useTileColliders: true } } }));
    const project = new LdtkResource(ldtk);
    const loader = new ex.Loader([...maps, project]);
    loader.suppressPlayButton = true;
    await engine.start(loader);
    maps[0].addToScene(engine.currentScene);
    project.addToScene(engine.currentScene, { pos: ex.vec(0, 0) });

    const readMap = (map) => {
      const [layer] = map.getTileLayers("terrain");
      const [objects] = map.getObjectLayers("entities");
      const rows = [...Array(layer.height).keys()].map((y) =>
        [...Array(layer.width).keys()].map((x) => layer.getTileByCoordinate(x, y)),
      );
      return {
        size: [layer.width, layer.height, map.map.tilewidth],
        gids: layer.data,
        names: rows.map((row) => row.map((tile) => tile.tiledTile.properties.get("tile"))),
        solid: rows.map((row) => row.map((tile) => tile.exTile.solid)),
        pictures: rows.every((row) => row.every((tile) => tile.exTile.getGraphics().length === 1)),
        entities: objects.objects.map((o) => ({
          type: o.class,
          x: o.x,
          y: o.y,
          role: o.properties.get("role"),
          actor: objects.getEntityByObject(o).pos.toString(),
        })),
        properties: Object.fromEntries(map.map.properties.map(({ name, value }) => [name, value])),
      };
    };
    const readLevel = (level) => {
      const grid = level.layers.find((layer) => layer instanceof IntGridLayer);
      const things = level.layers.find((layer) => layer instanceof EntityLayer);
      const { defs } = project.projectMetadata;
      const values = defs.layers.find((l) => l.identifier === grid.ldtkLayer.__identifier).intGridValues;
      const named = new Map(values.map(({ value, identifier }) => [value, identifier]));
      const { __cWid: columns, intGridCsv } = grid.ldtkLayer;
      return {
        name: level.ldtkLevel.identifier,
        columns,
        names: intGridCsv.map((value) => named.get(value)),
        pictures: grid.tilemap.tiles.every((tile) => tile.getGraphics().length === 1),
        world: [level.ldtkLevel.worldX, level.ldtkLevel.worldY],
        entities: things.ldtkLayer.entityInstances.map((e) => ({
          type: e.__identifier,
          grid: e.__grid,
          actor: [things.ldtkToEntity.get(e).pos.x, things.ldtkToEntity.get(e).pos.y],
        })),
        fields: Object.fromEntries(level.ldtkLevel.fieldInstances.map((f) => [f.__identifier, f.__value])),
      };
    };
    const told = { version: ex.EX_VERSION, maps: maps.map(readMap), strict: project.strict };
    told.levels = [...project.levels.values()].map(readLevel);
    engine.stop();
    return told;
  }, task);
});
console.log(JSON.stringify(found));
