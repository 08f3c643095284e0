// Publishes a clip as Chromium's camera through the page of a live interview. In: a folder with node_modules, a folder
// for pictures, the service's address, a clip as MJPEG, its sound as WAV. Out: lines on what was seen; exit code 1 and
// the reasons when something is wrong.
import { createRequire } from "node:module";
import { readFileSync, mkdirSync } from "node:fs";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";

const [modules, pictures, address, clip, sound] = process.argv.slice(2);
const from = createRequire(resolve(modules, "package.json"));
const { chromium } = from("playwright-core");
const axe = readFileSync(from.resolve("axe-core/axe.min.js"), "utf8");
mkdirSync(pictures, { recursive: true });

const problems = [];
const check = (what, ok, detail = "") => {
  if (!ok) problems.push(`${what} ${detail}`);
};

function watched(page) {
  page.on("console", (m) => check("console:", !["error", "warning"].includes(m.type()), m.text()));
  page.on("pageerror", (e) => check("script:", false, String(e)));
  page.on("request", (r) => check("request:", r.url().startsWith(address) || /^(data|blob|file):/.test(r.url()), r.url()));
  return page;
}

async function axed(page, when) {
  const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  check(`${when}: wider than the window by`, wide <= 0, String(wide));
  // From outside the page's own world: its policy lets no other script in.
  await page.evaluate(axe);
  const found = await page.evaluate(() => axe.run(document));
  for (const v of found.violations) check(`${when}: axe:`, false, `${v.id}: ${v.nodes.slice(0, 3).map((n) => n.target).join(" | ")}`);
  console.log(`${when}: axe: ${found.passes.length} rules kept, ${found.violations.length} broken`);
}

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM || "/usr/bin/chromium",
  args: [
    "--no-sandbox", "--disable-gpu", "--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream",
    `--use-file-for-fake-video-capture=${clip}`, `--use-file-for-fake-audio-capture=${sound}`,
  ],
});
try {
  const context = await browser.newContext({ viewport: { width: 1440, height: 1000 }, acceptDownloads: true, reducedMotion: "reduce" });
  const page = watched(await context.newPage());
  await page.goto(`${address}/live`, { waitUntil: "load" });
  for (const [width, scheme] of [[390, "light"], [390, "dark"], [1440, "dark"], [1440, "light"]]) {
    await page.setViewportSize({ width, height: 1000 });
    await page.emulateMedia({ colorScheme: scheme });
    await axed(page, `${width} px, ${scheme}`);
    await page.screenshot({ path: `${pictures}/live-idle-${width}-${scheme}.png`, fullPage: true });
  }
  const first = await page.locator("#say").textContent();
  await page.locator("#next").click();
  check("another thing is asked for", (await page.locator("#say").textContent()) !== first);
  await page.locator("#start").click();
  const scored = () => /^\d+ %$/.test(document.getElementById("fused").textContent) && document.querySelector("#boxes rect");
  try {
    await page.waitForFunction(scored, null, { timeout: 90_000 });
  } catch {
    check("no score came:", false, await page.locator("#state").textContent());
  }
  await page.waitForTimeout(6_000);
  console.log(`scores: ${(await page.locator("#now").innerText()).replaceAll("\n", " ")}`);
  await page.screenshot({ path: `${pictures}/live-running.png`, fullPage: true });
  await page.emulateMedia({ colorScheme: "dark" });
  await page.screenshot({ path: `${pictures}/live-running-dark.png`, fullPage: true });
  await axed(page, "running");
  await page.locator("#stop").click();
  await page.locator("#report").waitFor({ state: "visible", timeout: 60_000 });
  const [saved] = await Promise.all([page.waitForEvent("download"), page.locator("#report").click()]);
  const file = resolve(pictures, "saved.html");
  await saved.saveAs(file);
  console.log(`finding: ${await page.locator("#finding").textContent()}; ${await page.locator("#state").textContent()}`);
  const report = watched(await context.newPage());
  await report.goto(pathToFileURL(file).href);
  check("the saved report opens", (await report.locator("main .result").count()) > 0);
  await report.screenshot({ path: `${pictures}/live-report.png` });
} catch (error) {
  check("it broke off:", false, String(error));
} finally {
  await browser.close();
}
for (const problem of problems) console.error(problem);
process.exit(problems.length ? 1 : 0);
