// Chromium, with pages that must not log errors.
import assert from "node:assert/strict";
import { mkdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { chromium } from "playwright-core";
import { ROOT } from "./agent.js";

const CHROMIUM = process.env.CHROMIUM ?? "/usr/bin/chromium";
const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const PATIENCE = 15_000;

export const DESKTOP = { width: 1440, height: 900 };
export const PHONE = { width: 360, height: 740 };

export async function launch() {
  const isRoot = process.getuid() === 0;
  // Root has no sandbox. Without the flag for memory a small /dev/shm crashes tabs.
  const args = ["--disable-dev-shm-usage", ...(isRoot ? ["--no-sandbox"] : [])];
  return chromium.launch({ executablePath: CHROMIUM, args });
}

/**
 * Opens a URL in a context of its own. `done` fails if the page logged an error to the console, which includes
 * violations of its policy, except for those in `expected`.
 */
export async function open(browser, url, { expected = [], ...options } = {}) {
  const context = await browser.newContext({ viewport: DESKTOP, ...options });
  const page = await context.newPage();
  page.setDefaultTimeout(PATIENCE);
  const complaints = [];
  page.on("pageerror", error => complaints.push(String(error.stack)));
  page.on("console", message => {
    const text = `${message.text()} ${message.location().url}`;
    if (message.type() === "error" && !expected.some(part => text.includes(part))) complaints.push(text);
  });
  await page.goto(url);
  page.done = async () => {
    await context.close();
    assert.deepEqual(complaints, [], "the page complained");
  };
  return page;
}

/** Waits until the page shows live data. */
export const live = page => page.locator(".status[data-state=live]").waitFor();

/** Makes the page believe that its tab is "visible" or "hidden". */
export const look = (page, state) =>
  page.evaluate(state => {
    Object.defineProperty(document, "visibilityState", { value: state, configurable: true });
    document.dispatchEvent(new Event("visibilitychange"));
  }, state);

const RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];
/** Rules that depend on colours. */
export const COLOUR_RULES = ["color-contrast", "link-in-text-block"];

/** Fails with the findings of axe-core. */
export async function accessible(page, what, rules = RULES) {
  await page.evaluate(AXE);
  const { violations } = await page.evaluate(runOnly => window.axe.run(document, { runOnly }), rules);
  const told = violations.flatMap(({ id, help, nodes }) =>
    nodes.map(node => `${id} (${help}): ${node.html} ${node.any.map(({ message }) => message).join("; ")}`),
  );
  assert.deepEqual(told, [], what);
}

/** Keeps a picture of the whole page as a build artefact, with parts out of sight rendered. */
export async function picture(page, name) {
  const folder = join(ROOT, "target/screenshots");
  mkdirSync(folder, { recursive: true });
  await page.evaluate(() => {
    // Not a style element, which the page's policy forbids.
    const sheet = new CSSStyleSheet();
    sheet.replaceSync("* { content-visibility: visible !important; }");
    document.adoptedStyleSheets.push(sheet);
  });
  await page.screenshot({ path: join(folder, `${name}.png`), fullPage: true, animations: "disabled" });
  await page.evaluate(() => document.adoptedStyleSheets.pop());
}

/** Layouts of a page during an action. */
export async function layoutsOf(session, meanwhile) {
  const events = [];
  session.on("Tracing.dataCollected", ({ value }) => events.push(...value));
  const over = new Promise(ended => session.once("Tracing.tracingComplete", ended));
  await session.send("Tracing.start", { categories: "devtools.timeline", transferMode: "ReportEvents" });
  await meanwhile();
  await session.send("Tracing.end");
  await over;
  return events.filter(({ name, ph, args }) => name === "Layout" && ph === "X" && args.beginData);
}
