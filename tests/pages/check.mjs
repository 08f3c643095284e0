// Opens pages in headless Chromium as a reader does. In: a folder with node_modules, a folder for pictures, pages.
// Out: a line a check; exit code 1 and the reasons when a page has an error, asks for anything from outside, or fails axe.
import { createRequire } from "node:module";
import { readFileSync, mkdirSync } from "node:fs";
import { basename, resolve } from "node:path";
import { pathToFileURL } from "node:url";

const [modules, pictures, ...pages] = process.argv.slice(2);
const from = createRequire(resolve(modules, "package.json"));
const { chromium } = from("playwright-core");
const axe = readFileSync(from.resolve("axe-core/axe.min.js"), "utf8");
mkdirSync(pictures, { recursive: true });

const problems = [];
const check = (page, what, ok, detail = "") => {
  if (!ok) problems.push(`${page}: ${what} ${detail}`);
};

/** Opens a page, collecting what it complains of and what it asks for. */
async function open(browser, file, options) {
  const context = await browser.newContext(options);
  const page = await context.newPage();
  const name = basename(file);
  page.on("console", (m) => check(name, "console", !["error", "warning"].includes(m.type()), m.text()));
  page.on("pageerror", (e) => check(name, "script", false, String(e)));
  page.on("request", (r) => check(name, "request", /^(file|data|blob):/.test(r.url()), r.url()));
  const begin = performance.now();
  await page.goto(pathToFileURL(resolve(file)).href, { waitUntil: "load" });
  await page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))));
  return { page, name, context, ms: performance.now() - begin };
}

async function looks(browser, file, width, scheme) {
  const options = { viewport: { width, height: width < 500 ? 844 : 900 }, colorScheme: scheme, reducedMotion: "reduce" };
  const { page, name, context, ms } = await open(browser, file, options);
  const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  check(name, `wider than ${width} px by`, wide <= 0, String(wide));
  await page.evaluate(axe);
  const found = await page.evaluate(() => axe.run(document));
  for (const v of found.violations) {
    const where = v.nodes.slice(0, 3).map((n) => `${n.target} ${n.any.map((a) => a.message).join("; ")}`).join(" | ");
    check(name, `axe, ${scheme}, ${width} px: ${v.id} (${v.impact})`, !["serious", "critical"].includes(v.impact), where);
    if (!["serious", "critical"].includes(v.impact)) console.log(`${name}: axe ${v.impact}: ${v.id}: ${where}`);
  }
  const stem = name.replace(/\.html$/, "");
  await page.screenshot({ path: `${pictures}/${stem}-${width}-${scheme}.png`, fullPage: true });
  console.log(`${name}: ${width} px ${scheme}: there after ${ms.toFixed(0)} ms, axe: ${found.passes.length} rules kept, ${found.violations.length} broken`);
  await context.close();
}

/** Zoom, keys and playback of a report that has a recording beside it. */
async function works(browser, file) {
  const { page, name, context } = await open(browser, file, { viewport: { width: 1440, height: 900 } });
  const over = page.locator("#over");
  const state = () => page.evaluate(() => ({
    box: document.querySelector("svg.draw").getAttribute("viewBox"),
    at: Number(document.getElementById("over").getAttribute("aria-valuenow")),
    text: document.getElementById("over").getAttribute("aria-valuetext"),
    media: document.querySelector("video")?.currentTime ?? null,
  }));
  const first = await state();
  await over.focus();
  await page.keyboard.press("+");
  check(name, "plus zooms", (await state()).box !== first.box);
  await page.keyboard.press("0");
  check(name, "0 shows all", (await state()).box === first.box);
  await page.keyboard.press("ArrowRight");
  check(name, "an arrow moves", (await state()).at === first.at + 1);
  await page.keyboard.press("n");
  const there = await state();
  const later = await page.evaluate(() => JSON.parse(document.getElementById("data").textContent).events.some((e) => e[1] > 1.1));
  check(name, "n goes to an event", !later || (there.at > 1 && there.text.length > 5), there.text);
  const box = await over.boundingBox();
  await page.mouse.move(box.x + box.width / 2, box.y + 60);
  await page.mouse.wheel(0, -300);
  await page.waitForTimeout(60);
  check(name, "the wheel zooms when the timeline has the focus", (await state()).box !== first.box);
  if (await page.evaluate(() => JSON.parse(document.getElementById("data").textContent).recording)) {
    await page.waitForSelector("video", { timeout: 5000 }).catch(() => check(name, "the recording beside the page opens", false));
    await page.locator("a[data-t]").nth(1).click();
    await page.waitForTimeout(150);
    const now = await state();
    check(name, "a time in the page moves the recording", now.media !== null && Math.abs(now.media - now.at) < 0.2, JSON.stringify(now));
  }
  await page.screenshot({ path: `${pictures}/${name.replace(/\.html$/, "")}-playing.png` });
  await context.close();
}

/** Without scripts the finding, the drawing and the events are there, and the controls are not. */
async function plain(browser, file) {
  const context = await browser.newContext({ javaScriptEnabled: false });
  const page = await context.newPage();
  const name = basename(file);
  await page.goto(pathToFileURL(resolve(file)).href);
  const marks = page.locator("main .result");
  check(name, "results are readable without scripts", (await marks.count()) > 3 && (await marks.first().isVisible()));
  const controls = page.locator("#player, #controls");
  check(name, "controls are hidden without scripts", !(await controls.first().isVisible()));
  await context.close();
}

/** Search and filters of an index. */
async function finds(browser, file) {
  const { page, name, context } = await open(browser, file, { viewport: { width: 1440, height: 900 } });
  const shown = () => page.locator(".call:not([hidden])").count();
  const all = await shown();
  await page.locator("button[data-state=failed]").click();
  const failed = await shown();
  check(name, "a filter shows a part", failed > 0 && failed < all, `${failed} of ${all}`);
  await page.locator("#search").fill("no such call");
  check(name, "a search without a hit says so", (await shown()) === 0 && (await page.locator("#none").isVisible()));
  await context.close();
}

async function print(browser, file) {
  const { page, name, context } = await open(browser, file, { viewport: { width: 1440, height: 900 } });
  await page.pdf({ path: `${pictures}/${name.replace(/\.html$/, "")}.pdf`, format: "A4", printBackground: true });
  await context.close();
}

const executablePath = process.env.CHROMIUM || "/usr/bin/chromium";
const browser = await chromium.launch({ executablePath, args: ["--no-sandbox", "--disable-gpu"] });
try {
  for (const file of pages) {
    const report = readFileSync(file, "utf8").includes('id="over"');
    const all = [[390, "light"], [1440, "dark"], [390, "dark"], [1440, "light"]];
    for (const [width, scheme] of report ? all : all.slice(0, 2)) await looks(browser, file, width, scheme);
    await (report ? works : finds)(browser, file);
    await plain(browser, file);
    await print(browser, file);
  }
} finally {
  await browser.close();
}
for (const problem of problems) console.error(problem);
process.exit(problems.length ? 1 : 0);
