// Findings of axe-core, and a picture, of each view in each set of colours.
import { test } from "node:test";
import { accessible, COLOUR_RULES, DESKTOP, live, open, PHONE, picture } from "./support/browser.js";
import { eventually } from "./support/eventually.js";
import { demo } from "./support/host.js";
import { suite } from "./support/suite.js";

const VIEWS = {
  overview: "",
  gpu: "#/gpu/4",
  processes: "#/processes",
  users: "#/users",
  events: "#/events",
};
const COLOURS = {
  light: { colorScheme: "light" },
  dark: { colorScheme: "dark" },
  "high-contrast": { colorScheme: "light", contrast: "more" },
  "dark-high-contrast": { colorScheme: "dark", contrast: "more" },
};

const { browser, agent } = await suite(() => demo({ args: ["--idle-after=1s"] }));

for (const [colours, options] of Object.entries(COLOURS)) {
  test(`every view is accessible, ${colours}`, async () => {
    const page = await open(browser, agent.url, { ...options, viewport: DESKTOP });
    for (const [view, hash] of Object.entries(VIEWS)) {
      await page.goto(agent.url + hash);
      await ready(page, view);
      await still(page);
      await accessible(page, `${view}, ${colours}`, colours === "light" ? undefined : COLOUR_RULES);
      await picture(page, `${view}-${colours}`);
      await go(page);
    }
    await page.done();
  });
}

test("every view is accessible on a phone", async () => {
  const page = await open(browser, agent.url, { viewport: PHONE, hasTouch: true, isMobile: true });
  for (const [view, hash] of Object.entries(VIEWS)) {
    await page.goto(agent.url + hash);
    await ready(page, view);
    const sideways = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
    if (sideways > 0) throw new Error(`${view} is ${sideways} pixels too wide for a phone`);
    await still(page);
    await accessible(page, `${view}, phone`);
    await picture(page, `${view}-phone`);
    await go(page);
  }
  await page.done();
});

test("menus and details are accessible", async () => {
  const page = await open(browser, `${agent.url}#/gpu/4`);
  await ready(page, "gpu");
  await page.getByRole("button", { name: "Settings" }).click();
  await accessible(page, "the settings");
  await page.keyboard.press("Escape");
  await page.getByRole("button", { name: "Power as a table" }).click();
  await accessible(page, "a chart's table");
  await page.goto(`${agent.url}#/processes`);
  await page.getByRole("button", { name: "Columns" }).click();
  await accessible(page, "the choice of columns");
  await page.done();
});

async function ready(page, view) {
  await live(page);
  if (view === "gpu") {
    const charts = page.locator(".chart canvas");
    await eventually("the charts", async () => (await charts.count()) >= 6);
  }
}

/** Pauses the page, so that nothing moves during the check. */
const still = page => page.getByRole("button", { name: "Pause" }).click();
const go = page => page.getByRole("button", { name: "Resume" }).click();
