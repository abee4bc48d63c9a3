// Chromium, and pages in it that may not complain.
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
  // The sandbox wants a user who is not root. Without the flag for memory a small /dev/shm crashes tabs.
  const args = ["--disable-dev-shm-usage", ...(isRoot ? ["--no-sandbox"] : [])];
  return chromium.launch({ executablePath: CHROMIUM, args });
}

/**
 * Opens an address in a context of its own. `close` fails if the page ever wrote an error to the console (that is where
 * a breach of its policy is told) but for those that `expected` names.
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

const RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];
/** What may differ where only the colours do. */
export const COLOUR_RULES = ["color-contrast", "link-in-text-block"];

/** Fails with what axe-core finds wrong. */
export async function accessible(page, what, rules = RULES) {
  await page.evaluate(AXE);
  const { violations } = await page.evaluate(runOnly => window.axe.run(document, { runOnly }), rules);
  const told = violations.flatMap(({ id, help, nodes }) =>
    nodes.map(node => `${id} (${help}): ${node.html} ${node.any.map(({ message }) => message).join("; ")}`),
  );
  assert.deepEqual(told, [], what);
}

/** Keeps a picture of the whole page as a build artefact, also of what is out of sight and so not drawn otherwise. */
export async function picture(page, name) {
  const folder = join(ROOT, "target/screenshots");
  mkdirSync(folder, { recursive: true });
  await page.evaluate(() => {
    // Not a style element: the page's policy allows none.
    const sheet = new CSSStyleSheet();
    sheet.replaceSync("* { content-visibility: visible !important; }");
    document.adoptedStyleSheets.push(sheet);
  });
  await page.screenshot({ path: join(folder, `${name}.png`), fullPage: true, animations: "disabled" });
  await page.evaluate(() => document.adoptedStyleSheets.pop());
}
