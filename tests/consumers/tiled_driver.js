/*
 * Plays the person at Tiled in tests: an extension that, once a map is open, does the steps of a plan. The plan
 * and the report, which appears when all is done, are JSON files named by the environment.
 *
 * Tiled's dialogs wait for a click that never comes, so here `tiled.alert` writes down what it is told
 * and `tiled.prompt` gives the plan's answer; all else is Tiled's own.
 */
(function () {
    "use strict";
    const real = tiled, env = new Process(), report = [];
    const plan = JSON.parse(readAll(env.getEnv("TILED_PLAN")));
    let alerts = [], begun = false;

    const standIns = {
        alert: function (text) { alerts.push(text); },
        prompt: function () { return plan.prompt || ""; }
    };
    // eslint-disable-next-line no-global-assign
    tiled = new Proxy(real, {
        get: function (_target, key) {
            const value = standIns[key] || real[key];
            return typeof value === "function" ? function () { return value.apply(real, arguments); } : value;
        },
        set: function (_target, key, value) { real[key] = value; return true; }
    });

    function readAll(path) {
        const file = new TextFile(path, TextFile.ReadOnly), text = file.readAll();
        file.close();
        return text;
    }

    const steps = {
        select: function (map, step) { map.selectedArea.set(Qt.rect(step.x, step.y, step.width, step.height)); },
        trigger: function (_map, step) { real.trigger(step.action); },
        undo: function () { real.trigger("Undo"); },
        // as saving does, but beside the map
        write: function (map, step) { real.mapFormat(step.format || "json").write(map, step.to); },
        save: function (map, step) {
            real.trigger("Save");
            File.copy(map.fileName, step.to);
        },
        paint: function (map, step) {
            const layer = map.layers.filter(function (each) { return each.isTileLayer; })[0], edit = layer.edit();
            const tile = map.tilesets[0].tiles.filter(function (each) { return each.property("tile") === step.tile; })[0];
            for (const cell of step.cells) {
                edit.setTile(cell[0], cell[1], tile);
            }
            edit.apply();
        },
        remove: function (map, step) {
            for (const layer of map.layers) {
                if (layer.isObjectLayer) {
                    map.removeObjects(layer.objects.filter(function (each) { return step.types.indexOf(each.type) >= 0; }));
                }
            }
        },
        property: function (map, step) { map.setProperty(step.name, step.value); }
    };

    real.assetOpened.connect(function (map) {
        if (begun || !map.isTileMap) {
            return;
        }
        begun = true;
        for (const step of plan.steps) {
            alerts = [];
            const entry = {do: step.do};
            try {
                steps[step.do](map, step);
            } catch (error) {
                entry.error = String(error) + " " + error.stack;
            }
            entry.alerts = alerts;
            report.push(entry);
        }
        const file = new TextFile(env.getEnv("TILED_REPORT"), TextFile.WriteOnly);
        file.write(JSON.stringify({menus: real.menus, actions: real.actions, steps: report}));
        file.commit();
    });
})();
