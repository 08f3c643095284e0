// Works with the service's own pages in Chromium, as a reviewer does, and looks at them as check.mjs does with reports.
// In: folder with node_modules, folder for pictures, address of a service that asks for no key, address of one that does,
// its key, a recording. Out: a line a step; exit code 1 and the reasons when something is not as it should be.
import { createRequire } from "node:module";
import { readFileSync, mkdirSync, statSync } from "node:fs";
import { resolve } from "node:path";

const [modules, pictures, open, closed, key, recording] = process.argv.slice(2);
const from = createRequire(resolve(modules, "package.json"));
const { chromium } = from("playwright-core");
const axe = readFileSync(from.resolve("axe-core/axe.min.js"), "utf8");
mkdirSync(pictures, { recursive: true });

/** A name that would be markup if it ever became any. */
const HOSTILE = "<img src=x onerror=alert(1)>&amp;.mp4";
const problems = [];
const check = (what, ok, detail = "") => {
  if (!ok) problems.push(`${what} ${detail}`);
};

/** A page that says whatever goes wrong; `denied` is what a browser logs of a refusal that is wanted. */
async function visit(browser, address, options = {}) {
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 }, reducedMotion: "reduce", ...options });
  const page = await context.newPage();
  const denied = (text) => /status of 401/.test(text);
  page.on("console", (m) => check("console:", !["error", "warning"].includes(m.type()) || denied(m.text()), m.text()));
  page.on("pageerror", (e) => check("script:", false, String(e)));
  page.on("dialog", (d) => { check("a dialog of the browser:", false, d.message()); d.dismiss(); });
  page.on("request", (r) => check("request:", r.url().startsWith(`http://${address}/`) || /^(data|blob):/.test(r.url()), r.url()));
  page.setDefaultTimeout(60_000);
  await page.goto(`http://${address}/`);
  return { page, context };
}

/** Axe, and a picture at both widths, light and dark. */
async function looks(page, name) {
  for (const [width, scheme] of [[390, "light"], [390, "dark"], [1440, "dark"], [1440, "light"]]) {
    await page.setViewportSize({ width, height: width < 500 ? 844 : 900 });
    await page.emulateMedia({ colorScheme: scheme, reducedMotion: "reduce" });
    await page.waitForTimeout(100);
    const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
    check(`${name}: wider than ${width} px by`, wide <= 0, String(wide));
    for (const frame of page.frames()) await frame.evaluate(axe);
    const found = await page.evaluate(() => axe.run(document));
    for (const v of found.violations) {
      const where = v.nodes.slice(0, 3).map((n) => `${n.target} ${n.any.map((a) => a.message).join("; ")}`).join(" | ");
      check(`${name}: axe, ${scheme}, ${width} px: ${v.id} (${v.impact})`, false, where);
    }
    await page.screenshot({ path: `${pictures}/${name}-${width}-${scheme}.png` });
    console.log(`${name}: ${width} px ${scheme}: axe: ${found.passes.length} rules kept, ${found.violations.length} broken`);
  }
}

const rows = (page) => page.locator("#calls > li");
const ended = (page, n) => page.waitForFunction((n) => document.querySelectorAll("#calls > li .numbers, #calls > li.failed").length === n, n);

/** Sends three recordings, sees them end without a reload, finds, opens, fetches, deletes. */
async function reviews(browser, clip) {
  const { page, context } = await visit(browser, open);
  await page.locator("#none").waitFor();
  check("an empty list says so", (await page.locator("#none").textContent()) === "No calls yet.");
  const file = (name, buffer) => ({ name, mimeType: "video/mp4", buffer });
  await page.locator("#file").setInputFiles([file(HOSTILE, clip), file("broken.mp4", Buffer.from("no recording"))]);
  await rows(page).nth(1).waitFor();
  const bytes = clip.toString("base64");
  await page.evaluate((bytes) => {
    const transfer = new DataTransfer();
    transfer.items.add(new File([Uint8Array.from(atob(bytes), (c) => c.charCodeAt(0))], "dropped.mp4", { type: "video/mp4" }));
    for (const kind of ["dragenter", "dragover", "drop"]) document.body.dispatchEvent(new DragEvent(kind, { dataTransfer: transfer, bubbles: true, cancelable: true }));
  }, bytes);
  await rows(page).nth(2).waitFor();
  await ended(page, 3);
  console.log("three uploads have ended, seen without a reload");
  const names = await page.locator("#calls .name").allTextContents();
  check("names are text", names.includes(HOSTILE) && names.includes("dropped.mp4") && names.includes("broken.mp4"), names.join());
  check("no name has become markup", (await page.locator("main img").count()) === 0);
  await looks(page, "calls");
  await finds(page);
  await reads(page);
  await deletes(page);
  await context.close();
}

async function finds(page) {
  await page.locator("button[data-value=failed]").click();
  await page.waitForFunction(() => document.querySelectorAll("#calls > li").length === 1);
  check("a filter shows what it says", (await rows(page).locator(".why").textContent()).startsWith("broken.mp4"));
  await page.locator("button[data-value=running]").click();
  await page.locator("#none:not([hidden])").waitFor();
  await page.locator("button[data-value='']").click();
  await page.locator("#search").fill("DROPPED");
  await page.waitForFunction(() => document.querySelectorAll("#calls > li").length === 1);
  check("the search finds by name", (await page.locator("#calls .name").textContent()) === "dropped.mp4");
  await page.locator("#search").fill("");
  await page.waitForFunction(() => document.querySelectorAll("#calls > li").length === 3);
}

/** By keyboard: the call opens with its report inside, and back. */
async function reads(page) {
  await rows(page).filter({ hasText: "dropped.mp4" }).locator("a.name").focus();
  await page.keyboard.press("Enter");
  const report = page.frameLocator("#report");
  await report.locator("#over").waitFor();
  check("the report says what was found", (await report.locator("main .result").first().textContent()).trim().length > 5);
  check("the focus is on the call", (await page.evaluate(() => document.activeElement.id)) === "title");
  check("the title is the call's", (await page.locator("#title").textContent()) === "dropped.mp4");
  await looks(page, "call");
  const coming = page.waitForEvent("download");
  await page.locator("#call-files a", { hasText: "evidence" }).click();
  const kept = `${pictures}/call.evidence`;
  await (await coming).saveAs(kept);
  check("the evidence is there", statSync(kept).size > 1000);
  await page.locator("#call-files a", { hasText: "All calls" }).click();
  await page.locator("#overview:not([hidden])").waitFor();
}

async function deletes(page) {
  const gone = rows(page).filter({ hasText: "broken.mp4" });
  await gone.locator("button").click();
  await page.locator("#ask[open]").waitFor();
  await looks(page, "delete");
  await page.keyboard.press("Escape");
  check("Escape keeps the call", (await rows(page).count()) === 3);
  await gone.locator("button").click();
  await page.locator("#ask-yes").click();
  await page.waitForFunction(() => document.querySelectorAll("#calls > li").length === 2);
  check("it is the call that was meant", (await gone.count()) === 0);
  console.log("one call was deleted, after a question");
}

/** A wrong key, the right one, a reload, and out. */
async function signsIn(browser) {
  const { page, context } = await visit(browser, closed);
  await page.locator("#sign-in:not([hidden])").waitFor();
  await looks(page, "sign-in");
  await page.locator("#key").fill("wrong");
  await page.keyboard.press("Enter");
  await page.waitForFunction(() => document.getElementById("said").textContent === "there is no such key");
  await page.locator("#key").fill(key);
  await page.keyboard.press("Enter");
  await page.locator("#sign-out").waitFor();
  await page.reload();
  await page.locator("#sign-out").waitFor();
  const cookie = (await context.cookies()).find((c) => c.name === "unmask_session");
  check("the cookie is for the service alone", cookie?.httpOnly && cookie.sameSite === "Strict", JSON.stringify(cookie));
  check("no script sees the cookie", (await page.evaluate(() => document.cookie)) === "");
  const [send] = [await page.evaluate(async () => {
    const body = new FormData();
    body.append("file", new File(["no recording"], "a.mp4"));
    return (await fetch("/v1/calls", { method: "POST", body })).status;
  })];
  check("the page's own changes pass", send === 202, String(send));
  await page.locator("#sign-out").click();
  await page.locator("#sign-in:not([hidden])").waitFor();
  const status = await page.evaluate(async () => (await fetch("/v1/calls")).status);
  check("who has signed out is out", status === 401, String(status));
  await context.addCookies([cookie]);
  check("the old cookie is worthless", (await page.evaluate(async () => (await fetch("/v1/calls")).status)) === 401);
  console.log("signed in and out");
  await context.close();
}

async function documents(browser) {
  const { page, context } = await visit(browser, open);
  await page.locator("a[href='/docs']").first().click();
  await page.locator("h1", { hasText: "Interface" }).waitFor();
  await looks(page, "docs");
  await context.close();
}

const executablePath = process.env.CHROMIUM || "/usr/bin/chromium";
const browser = await chromium.launch({ executablePath, args: ["--no-sandbox", "--disable-gpu"] });
try {
  await reviews(browser, readFileSync(recording));
  await signsIn(browser);
  await documents(browser);
} catch (error) {
  problems.push(String(error));
} finally {
  await browser.close();
}
for (const problem of problems) console.error(problem);
process.exit(problems.length ? 1 : 0);
