// Headless Chromium for the tests: Debian's, with pictures drawn in software and no way out of this machine.
import { existsSync } from "node:fs";
import { chromium } from "playwright-core";

const KNOWN = [process.env.CHROMIUM, "/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];

/**
 * Open a page, hand it to `visit`, close it. Anything that goes wrong inside the page makes it fail: an error on the
 * console, a request that fails, a request to any other server than `origin`.
 */
export async function inBrowser(origin, visit) {
  const browser = await chromium.launch({
    executablePath: KNOWN.find((path) => path && existsSync(path)),
    args: ["--no-sandbox", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"],
  });
  const faults = [];
  try {
    // little motion: drawing in software is what takes the time here
    const page = await browser.newPage({ viewport: { width: 1280, height: 860 }, reducedMotion: "reduce" });
    page.setDefaultTimeout(60_000);
    page.on("console", (message) => message.type() === "error" && faults.push(message.text()));
    page.on("pageerror", (error) => faults.push(error.stack));
    page.on("requestfailed", (request) => faults.push(`${request.url()}: ${request.failure()?.errorText}`));
    await page.route("**", (route) => {
      const url = route.request().url();
      if (url.startsWith(origin)) return route.continue();
      faults.push(`asked for ${url}`);
      return route.abort();
    });
    const answer = await visit(page);
    if (faults.length) throw new Error(`the page complained: ${faults.join("\n")}`);
    return answer;
  } catch (error) {
    throw faults.length ? new Error(`${error.message}\nthe page complained: ${faults.join("\n")}`) : error;
  } finally {
    await browser.close();
  }
}
