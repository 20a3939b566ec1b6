// Runs a generator in ONNX Runtime Web in Chromium. JSON in: { origin, file, cases: [{ name: { data: base64, dims } }] };
// JSON out: for each case its tiles, with their type and shape.
import { readFileSync } from "node:fs";
import { inBrowser } from "./browser.mjs";

const { origin, file, cases } = JSON.parse(readFileSync(0, "utf8"));

const tiles = await inBrowser(origin, async (page) => {
  await page.goto(`${origin}blank.html`);
  return page.evaluate(
    async ({ file, cases }) => {
      const ort = await import("/ort/ort.wasm.bundle.min.mjs");
      ort.env.wasm.numThreads = 1;
      const session = await ort.InferenceSession.create(file);
      const floats = (text) => new Float32Array(Uint8Array.from(atob(text), (c) => c.charCodeAt(0)).buffer);
      const told = [];
      for (const inputs of cases) {
        const feeds = {};
        for (const [name, { data, dims }] of Object.entries(inputs)) {
          feeds[name] = new ort.Tensor("float32", floats(data), dims);
        }
        const { tiles } = await session.run(feeds);
        told.push({ type: tiles.type, dims: tiles.dims, data: [...tiles.data] });
      }
      return told;
    },
    { file, cases },
  );
});
console.log(JSON.stringify(tiles));
