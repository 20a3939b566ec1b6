/*
 * LevelForge inside Tiled: four entries in the menu "Map".
 *
 *   Generate level          a new level of the map's game and size in place of this one
 *   Regenerate selection    a new level that keeps everything outside the selected area
 *   Check this map          can it be won, how hard is it, what can nobody reach; draws the solution
 *   Repair                  few changes that make the map one that can be won
 *
 * All the work is done by the command line, `levelforge`. Each entry is one undo step and changes no
 * file: you save the map when you like it. For Tiled 1.8 and later.
 *
 * Install it with `levelforge install-tiled-extension`, which puts the next line right.
 */
(function () {
    "use strict";

    const SETUP = {"command": ["levelforge"], "scratch": ""};

    const TITLE = "LevelForge";
    const TERRAIN = "terrain", ENTITIES = "entities";
    const SOLUTION = "LevelForge: solution", UNREACHABLE = "LevelForge: unreachable";
    const MOST_MINUTES = 15;
    // What a level says of itself as a whole, and is no longer true of another one.
    const FACTS = /^(solution|solution_length|difficulty|difficulty_ci_low|difficulty_ci_high|fun|fun_parts_.*|why|novelty|edits|seed|pack)$/;
    // The map property "levelforge_options" may say how to generate; nothing that names a file.
    const OPTIONS = {"--count": /^[a-z0-9_]+=\d+$/, "--difficulty": /^[\d.]+(:[\d.]+)?$/, "--seed": /^\d+$/};

    /** Something to tell the person instead of doing what was asked. */
    class Trouble extends Error {}

    // --- the command line -------------------------------------------------------------------------

    /** Starts a command; `finish` waits for it. Two commands may run side by side. */
    function start(args) {
        const program = SETUP.command[0];
        const process = new Process();
        process.codec = "UTF-8";
        process.setEnv("PYTHONIOENCODING", "utf-8");
        const isPath = FileInfo.isAbsolutePath(program);
        if ((isPath && !File.exists(program)) || !process.start(program, SETUP.command.slice(1).concat(args))) {
            const where = isPath ? "is no longer at " + program : "was not found (" + program + ")";
            throw new Trouble("LevelForge " + where + ". Install it, then run: levelforge install-tiled-extension");
        }
        return process;
    }

    /** Its JSON document. Exit status 1 means that the answer is no, and comes with a document too. */
    function finish(process) {
        if (!process.waitForFinished(MOST_MINUTES * 60 * 1000)) {
            process.kill();
            throw new Trouble("levelforge was stopped after " + MOST_MINUTES + " minutes without an answer.");
        }
        const answer = process.readStdOut(), messages = process.readStdErr(), status = process.exitCode;
        process.close();
        if (status === 0 || status === 1) {
            try {
                return JSON.parse(answer);
            } catch (error) {
                // no document: what it said is below
            }
        }
        const fault = /^error: (.*)$/m.exec(messages);
        throw new Trouble(fault ? fault[1] : "levelforge ended with status " + status + ". " + messages.slice(-400));
    }

    function run(args) {
        return finish(start(args));
    }

    /** Calls `work` with a folder of its own, which is gone afterwards. */
    function inScratch(work) {
        const home = new Process();
        // A folder of the user's own, not one that all users share, so that no one else can have a hand in it.
        const root = SETUP.scratch ||
            FileInfo.joinPaths(home.getEnv("HOME") || home.getEnv("USERPROFILE"), ".cache", "levelforge");
        const name = Date.now().toString(36) + "-" + Math.random().toString(36).slice(2);
        const folder = FileInfo.joinPaths(root, name);
        if (!File.makePath(folder)) {
            throw new Trouble("The folder " + folder + " cannot be made.");
        }
        try {
            return work(folder);
        } catch (error) {
            const file = FileInfo.joinPaths(folder, "map.tmj");  // of which the person knows nothing
            for (const name of [file, FileInfo.toNativeSeparators(file)]) {
                error.message = error.message.split(name).join("This map");
            }
            throw error;
        } finally {
            File.remove(folder);
        }
    }

    function write(path, text) {
        const file = new TextFile(path, TextFile.WriteOnly);
        file.codec = "UTF-8";
        file.write(text);
        file.commit();
        return path;
    }

    function read(path) {
        const file = new TextFile(path, TextFile.ReadOnly);
        file.codec = "UTF-8";
        const text = file.readAll();
        file.close();
        return text;
    }

    // --- the map as levelforge reads it --------------------------------------------------------------

    /** The tile of the game that a picture stands for, or "". */
    function nameOf(tile) {
        const named = tile.property("tile");
        return typeof named === "string" ? named : kindOf(tile);
    }

    /** The class of a tile or object; Tiled 1.8 calls it its type. */
    function kindOf(thing) {
        return thing.className || thing.type || "";
    }

    /** All layers from the lowest, those in groups in their place; without what "Check" drew. */
    function layersOf(parent) {
        const found = [];
        for (const layer of parent.layers) {
            if (layer.isGroupLayer) {
                found.push.apply(found, layersOf(layer));
            } else if (layer.name !== SOLUTION && layer.name !== UNREACHABLE) {
                found.push(layer);
            }
        }
        return found;
    }

    /**
     * The open map as TMJ, unsaved changes and all: what the levels of a game are read from. What else is on
     * the map stays here, so it need not go there.
     */
    function describe(map) {
        const first = [];
        let next = 1;
        const tilesets = map.tilesets.map(function (tileset) {
            const tiles = tileset.tiles.map(function (tile) {
                return {id: tile.id, properties: [{name: "tile", type: "string", value: nameOf(tile)}]};
            });
            const count = tiles.reduce(function (most, tile) { return Math.max(most, tile.id + 1); }, 1);
            first.push(next);
            next += count;
            return {firstgid: next - count, name: tileset.name, tilecount: count, tiles: tiles};
        });
        const gid = function (tile) {
            return tile ? first[map.tilesets.indexOf(tile.tileset)] + tile.id : 0;
        };
        const layers = map.infinite ? [] : layersOf(map).filter(function (layer) {
            return layer.isTileLayer || layer.isObjectLayer;
        }).map(function (layer) {
            if (layer.isTileLayer) {
                const data = [];
                for (let y = 0; y < map.height; y++) {
                    for (let x = 0; x < map.width; x++) {
                        data.push(gid(layer.tileAt(x, y)));
                    }
                }
                return {type: "tilelayer", name: layer.name, width: map.width, height: map.height, data: data};
            }
            return {type: "objectgroup", name: layer.name, objects: layer.objects.map(function (thing) {
                const entry = {id: thing.id, name: thing.name, type: kindOf(thing), x: thing.x, y: thing.y,
                               width: thing.width, height: thing.height};
                if (thing.tile) {
                    entry.gid = gid(thing.tile);
                }
                return entry;
            })};
        });
        const game = map.property("game");
        return JSON.stringify({
            type: "map", version: "1.8", width: map.width, height: map.height, infinite: map.infinite,
            orientation: map.orientation === TileMap.Orthogonal ? "orthogonal" : "other",
            tilewidth: map.tileWidth, tileheight: map.tileHeight, tilesets: tilesets, layers: layers,
            properties: typeof game === "string" ? [{name: "game", type: "string", value: game}] : []
        });
    }

    /** The game.toml above the map's file, if it is the map's game; else "": levelforge knows its own games. */
    function gameFile(map) {
        const named = map.property("game");
        let folder = map.fileName ? FileInfo.path(map.fileName) : "";
        for (let up = 0; folder && up < 4; up++, folder = FileInfo.path(folder)) {
            const file = FileInfo.joinPaths(folder, "game.toml");
            if (File.exists(file)) {
                const header = read(file).split(/^\s*\[game\]/m)[1] || "";
                const name = /^\s*name\s*=\s*["']([^"']+)["']/m.exec(header);
                return !named || (name && name[1] === named) ? file : "";
            }
        }
        return "";
    }

    /** `--game FILE` where the map has a game of its own. */
    function gameOption(map) {
        const file = gameFile(map);
        return file ? ["--game", file] : [];
    }

    // --- a level into the map ----------------------------------------------------------------------

    /** The level that a command wrote into `folder`. */
    function written(answer) {
        const path = answer.levels[0].files.filter(function (name) { return /\.tmj$/.test(name); })[0];
        const level = JSON.parse(read(path));
        level.terrain = level.layers.filter(function (layer) { return layer.name === TERRAIN; })[0].data;
        level.entities = level.layers.filter(function (layer) { return layer.name === ENTITIES; })[0].objects;
        level.names = {};
        for (const tile of level.tilesets[0].tiles) {
            for (const property of tile.properties || []) {
                if (property.name === "tile") {
                    level.names[tile.id + 1] = property.value;
                }
            }
        }
        return level;
    }

    /**
     * How the map shows each picture of the level: with the same picture where it has the same tileset, else with
     * the first picture of its own that stands for the same tile.
     */
    function pictures(tilesets, level) {
        const sheet = level.tilesets[0], known = {}, found = {};
        let own = null;
        for (const tileset of tilesets) {
            // Tiled counts the empty places in the last row of the sheet, too
            const more = tileset.tileCount - sheet.tilecount;
            if (tileset.name === sheet.name && more >= 0 && more < sheet.columns) {
                own = tileset;
            }
            for (const tile of tileset.tiles) {
                const name = nameOf(tile);
                known[name] = known[name] || tile;
            }
        }
        const used = level.terrain.concat(level.entities.map(function (thing) { return thing.gid; }));
        for (const gid of used) {
            const name = level.names[gid], same = own && own.tile(gid - 1);
            found[gid] = same && nameOf(same) === name ? same : known[name];
            if (!found[gid]) {
                throw new Trouble("No tileset of this map has a picture for '" + name +
                    "': give one the property 'tile' with the value '" + name + "'.");
            }
        }
        return found;
    }

    /** The tile layer that holds the terrain: by its name, else the only one, else the first that shows a tile. */
    function terrainLayer(map, names) {
        const layers = layersOf(map).filter(function (layer) { return layer.isTileLayer; });
        const named = layers.filter(function (layer) { return layer.name === TERRAIN; });
        if (named.length || layers.length === 1) {
            return named[0] || layers[0];
        }
        return layers.filter(function (layer) { return shows(layer, names); })[0] || null;
    }

    function shows(layer, names) {
        for (let y = 0; y < layer.height; y++) {
            for (let x = 0; x < layer.width; x++) {
                const tile = layer.tileAt(x, y);
                if (tile && names[nameOf(tile)]) {
                    return true;
                }
            }
        }
        return false;
    }

    /**
     * Puts a level into the map as one undo step.
     *
     * Only cells with `open(x, y)` change their tile. Walls beside them may get another picture of the same tile, so
     * that edges join up. `added` are tilesets that the map does not have yet.
     */
    function apply(map, level, open, label, added) {
        if (level.width !== map.width || level.height !== map.height) {
            throw new Trouble("The level is " + level.width + "x" + level.height + ", the map is not.");
        }
        const found = pictures(map.tilesets.concat(added || []), level), names = {};
        for (const gid in level.names) {
            names[level.names[gid]] = true;
        }
        const near = function (x, y) {
            for (let dy = -1; dy <= 1; dy++) {
                for (let dx = -1; dx <= 1; dx++) {
                    if (open(x + dx, y + dy)) {
                        return true;
                    }
                }
            }
            return false;
        };
        map.macro(label, function () {
            for (const tileset of added || []) {
                map.addTileset(tileset);
            }
            drop(map, [SOLUTION, UNREACHABLE]);
            // Tiled paints nothing outside of a selection
            const selected = map.selectedArea.get();
            map.selectedArea.set(Qt.rect(0, 0, 0, 0));
            let ground = terrainLayer(map, names);
            if (!ground) {
                map.addLayer(new TileLayer(TERRAIN));
                ground = terrainLayer(map, names);
            }
            for (const layer of layersOf(map)) {
                if (!layer.isTileLayer) {
                    continue;
                }
                const edit = layer.edit();
                for (let y = 0; y < map.height; y++) {
                    for (let x = 0; x < map.width; x++) {
                        const now = layer.tileAt(x, y), wanted = found[level.terrain[y * map.width + x]];
                        if (layer !== ground) {
                            // a tile of the game on another layer would cover the new one
                            if (open(x, y) && now && names[nameOf(now)]) {
                                edit.setTile(x, y, null);
                            }
                        } else if (open(x, y) ? now !== wanted || layer.flagsAt(x, y) !== 0 : joins(layer, x, y, wanted)) {
                            edit.setTile(x, y, wanted);
                        }
                    }
                }
                edit.apply();
            }
            map.selectedArea.set(selected);
            placeEntities(map, level, open, found, names);
            for (const name in map.properties()) {
                if (FACTS.test(name)) {
                    map.removeProperty(name);
                }
            }
            for (const property of level.properties) {
                if (property.name !== "id") {  // what the map is called is the person's business
                    map.setProperty(property.name, property.value);
                }
            }
        });

        function joins(layer, x, y, wanted) {
            const now = layer.tileAt(x, y);
            return now && now !== wanted && near(x, y) && layer.flagsAt(x, y) === 0 &&
                now.tileset === wanted.tileset && nameOf(now) === nameOf(wanted);
        }
    }

    /** Objects that stand for a tile of the game give way to those of the level, in the open area. */
    function placeEntities(map, level, open, found, names) {
        let target = null;
        const gone = [];
        for (const layer of layersOf(map)) {
            if (!layer.isObjectLayer) {
                continue;
            }
            target = layer.name === ENTITIES || !target ? layer : target;
            for (const thing of layer.objects) {
                const named = thing.tile && names[nameOf(thing.tile)] || names[kindOf(thing)];
                const middle = thing.tile ? thing.y - thing.height / 2 : thing.y + thing.height / 2;
                const x = Math.floor((thing.x + thing.width / 2) / map.tileWidth);
                if (named && open(x, Math.floor(middle / map.tileHeight))) {
                    gone.push(thing);
                }
            }
        }
        map.removeObjects(gone);
        if (!target || target.name !== ENTITIES) {
            target = new ObjectGroup(ENTITIES);
            map.addLayer(target);
        }
        const size = level.tilewidth;
        for (const entry of level.entities) {
            const x = entry.x / size, y = entry.y / size - 1;
            if (!open(x, y)) {
                continue;
            }
            const thing = new MapObject(entry.name), tile = found[entry.gid];
            thing.tile = tile;
            thing.type = entry.type;
            thing.width = tile.width;
            thing.height = tile.height;
            thing.x = x * map.tileWidth;
            thing.y = (y + 1) * map.tileHeight;
            for (const property of entry.properties || []) {
                thing.setProperty(property.name, property.value);
            }
            target.addObject(thing);
        }
    }

    function drop(map, names) {
        for (const layer of map.layers) {
            if (names.indexOf(layer.name) >= 0) {
                map.removeLayer(layer);
            }
        }
    }

    function everywhere() {
        return true;
    }

    // --- the four actions ------------------------------------------------------------------------------

    /** Words of the property "levelforge_options" that may be passed on. */
    function optionsOf(map) {
        const words = String(map.property("levelforge_options") || "").split(/\s+/).filter(Boolean);
        const found = [];
        for (let i = 0; i < words.length; i += 2) {
            const rule = OPTIONS[words[i]];
            if (!rule || !rule.test(words[i + 1] || "")) {
                throw new Trouble("The map property 'levelforge_options' has '" + words.slice(i, i + 2).join(" ") +
                    "'. It may hold --count TILE=N, --difficulty D and --seed S.");
            }
            found.push(words[i], words[i + 1]);
        }
        return found.indexOf("--difficulty") < 0 ? found.concat("--no-playtest") : found;
    }

    function generate(map, folder) {
        let game = gameFile(map) || map.property("game");
        if (!game) {
            game = tiled.prompt("A level of which game? (a name, or the path of a game.toml)", "dungeon", TITLE);
            if (!game) {
                return;
            }
        }
        const size = map.width + "x" + map.height;
        const wanted = ["generate", game, "-n", "1", "--size", size, "--format", "tmj,tmx", "--tileset"];
        const rest = ["--json"].concat(optionsOf(map));
        const level = written(run(wanted.concat(["embedded", "--out", folder], rest)));
        const added = [];
        if (!map.tilesets.length) {
            added.push(tilesetBeside(map, level, folder, wanted.concat(["external", "--out", folder], rest)));
        }
        apply(map, level, everywhere, "Generate Level", added);
    }

    /** The game's tileset for a map without pictures: as files beside the map. */
    function tilesetBeside(map, level, folder, command) {
        if (!map.fileName) {
            throw new Trouble("Save the map first: its tileset is put beside it.");
        }
        const name = level.tilesets[0].name, home = FileInfo.path(map.fileName);
        const file = FileInfo.joinPaths(home, name + ".tsx");
        if (!File.exists(file)) {
            run(command);
            for (const each of [name + "-tileset.png", name + ".tsx"]) {
                const there = FileInfo.joinPaths(home, each);
                if (!File.exists(there) && !File.copy(FileInfo.joinPaths(folder, each), there)) {
                    throw new Trouble(there + " cannot be written.");
                }
            }
        }
        return tiled.tilesetFormat("tsx").read(file);
    }

    function regenerate(map, folder) {
        const area = map.selectedArea.get(), rows = [], opened = {};
        let count = 0;
        for (const rect of area.rects) {
            for (let y = Math.max(0, rect.y); y < Math.min(map.height, rect.y + rect.height); y++) {
                for (let x = Math.max(0, rect.x); x < Math.min(map.width, rect.x + rect.width); x++) {
                    opened[y * map.width + x] = true;
                    count++;
                }
            }
        }
        if (!count) {
            throw new Trouble("Select the area to make anew first (Rectangular Select, R).");
        }
        const open = function (x, y) {
            return x >= 0 && x < map.width && opened[y * map.width + x] === true;
        };
        for (let y = 0; y < map.height; y++) {
            let row = "";
            for (let x = 0; x < map.width; x++) {
                row += open(x, y) ? "1" : "0";
            }
            rows.push(row);
        }
        const lock = write(FileInfo.joinPaths(folder, "map.tmj"), describe(map));
        const mask = write(FileInfo.joinPaths(folder, "mask.txt"), rows.join("\n") + "\n");
        const game = gameFile(map);
        const answer = run(["generate"].concat(game ? [game] : [], ["--lock", lock, "--mask", mask, "-n", "1",
            "--format", "tmj", "--tileset", "embedded", "--json", "--out", folder], optionsOf(map)));
        apply(map, written(answer), open, "Regenerate Selection");
        const unmet = Object.keys(answer.lock.unmet).map(function (name) {
            const each = answer.lock.unmet[name];
            return each.requested + " of " + name + " (" + each.made + ", because " + each.reason + ")";
        });
        const lost = unmet.concat(answer.lock.faults);
        if (lost.length) {
            tiled.alert("The level can be won, but this could not be kept: " + lost.join("; ") + ".", TITLE);
        }
    }

    function check(map, folder) {
        const file = write(FileInfo.joinPaths(folder, "map.tmj"), describe(map)), game = gameOption(map);
        const solving = start(["solve", file, "--json"].concat(game));
        const playing = start(["playtest", file, "--json"].concat(game));
        let solved, played, unplayed = "";
        try {
            solved = finish(solving).levels[0];
        } catch (error) {
            playing.kill();
            throw error;
        }
        try {
            played = finish(playing).levels[0];
        } catch (error) {
            unplayed = error.message;  // a game without a pack can be solved all the same
        }
        const verdict = {
            beatable: "Can be won in " + solved.solution_length + " steps.",
            unbeatable: "Cannot be won: " + solved.reason + ".",
            undecided: "Whether it can be won is undecided after " + solved.expanded + " states."
        }[solved.verdict];
        const hard = played ? "Difficulty " + played.difficulty.toFixed(2) + " (" +
            played.difficulty_ci[0].toFixed(2) + " to " + played.difficulty_ci[1].toFixed(2) + "). " + played.why : unplayed;
        const missed = solved.unreachable.length;
        const reach = missed ? missed + (missed === 1 ? " tile" : " tiles") + " cannot be reached." : "";
        draw(map, solved, [verdict, hard.split(". ")[0], reach].filter(Boolean).join(" "));
        tiled.alert([verdict, hard, reach].filter(Boolean).join("\n"), TITLE);
    }

    /** The way of the solution and what cannot be reached, as object layers above all others. */
    function draw(map, solved, summary) {
        const wide = map.tileWidth, high = map.tileHeight;
        map.macro("Check This Map", function () {
            drop(map, [SOLUTION, UNREACHABLE]);
            if (solved.unreachable.length) {
                const layer = new ObjectGroup(UNREACHABLE);
                layer.color = "#ff3030";
                map.addLayer(layer);
                for (const run of runs(solved.unreachable)) {
                    const thing = new MapObject("");
                    thing.x = run.x * wide;
                    thing.y = run.y * high;
                    thing.width = run.length * wide;
                    thing.height = high;
                    layer.addObject(thing);
                }
            }
            const layer = new ObjectGroup(SOLUTION);
            layer.color = "#30c0ff";
            map.addLayer(layer);
            if (solved.path) {
                const way = new MapObject("");
                way.shape = MapObject.Polyline;
                way.x = wide / 2;
                way.y = high / 2;
                way.polygon = solved.path.map(function (cell) { return Qt.point(cell[0] * wide, cell[1] * high); });
                layer.addObject(way);
            }
            const note = new MapObject("");
            note.shape = MapObject.Text;
            note.text = summary;
            note.textColor = "#30c0ff";
            note.width = map.width * wide;
            note.height = 2 * high;
            note.y = -2 * high;
            layer.addObject(note);
        });
    }

    /** Cells [x, y] in reading order, as runs within a row. */
    function runs(cells) {
        const found = [];
        for (const cell of cells) {
            const last = found[found.length - 1];
            if (last && last.y === cell[1] && last.x + last.length === cell[0]) {
                last.length++;
            } else {
                found.push({x: cell[0], y: cell[1], length: 1});
            }
        }
        return found;
    }

    function repair(map, folder) {
        const file = write(FileInfo.joinPaths(folder, "map.tmj"), describe(map));
        const out = FileInfo.joinPaths(folder, "out");
        const answer = run(["repair", file, "--out", out, "--format", "tmj", "--tileset", "embedded", "--json"]
            .concat(gameOption(map)));
        const entry = answer.levels[0], changed = {};
        if (!entry.repaired) {
            throw new Trouble("No repair was found. Check this map shows what cannot be reached.");
        }
        if (!entry.edits) {
            tiled.alert("Nothing to repair: the map can be won in " + entry.solution_length + " steps.", TITLE);
            return;
        }
        for (const cell of entry.changed) {
            changed[cell[1] * map.width + cell[0]] = true;
        }
        apply(map, written(answer), function (x, y) {
            return x >= 0 && x < map.width && changed[y * map.width + x] === true;
        }, "Repair");
        tiled.alert(entry.edits + (entry.edits === 1 ? " tile" : " tiles") + " changed; the map can now be won in " +
            entry.solution_length + " steps.", TITLE);
    }

    // --- the menu ------------------------------------------------------------------------------------------

    function register(id, text, work) {
        const action = tiled.registerAction(id, function () {
            const map = tiled.activeAsset;
            try {
                if (!map || !map.isTileMap) {
                    throw new Trouble("Open a map first.");
                }
                inScratch(function (folder) { work(map, folder); });
            } catch (error) {
                tiled.alert(error instanceof Trouble ? error.message : String(error) + "\n" + error.stack, TITLE);
            }
        });
        action.text = text;
    }

    register("LevelForgeGenerate", "Generate Level", generate);
    register("LevelForgeRegenerate", "Regenerate Selection", regenerate);
    register("LevelForgeCheck", "Check This Map", check);
    register("LevelForgeRepair", "Repair", repair);
    tiled.extendMenu("Map", [
        {separator: true},
        {action: "LevelForgeGenerate"},
        {action: "LevelForgeRegenerate"},
        {action: "LevelForgeCheck"},
        {action: "LevelForgeRepair"}
    ]);
})();
