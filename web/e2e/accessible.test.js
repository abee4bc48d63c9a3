// What axe-core finds, and a picture, of each view in each set of colours.
import { after, before, test } from "node:test";
import { accessible, DESKTOP, launch, live, open, PHONE, picture } from "./support/browser.js";
import { eventually } from "./support/eventually.js";
import { demo } from "./support/host.js";

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

let browser;
let agent;
before(async () => {
  browser = await launch();
  agent = await demo({ args: ["--idle-after=1s"] });
});
after(async () => {
  await browser?.close();
  await agent?.end();
});

for (const [colours, options] of Object.entries(COLOURS)) {
  test(colours, async () => {
    const page = await open(browser, agent.url, { ...options, viewport: DESKTOP });
    for (const [view, hash] of Object.entries(VIEWS)) {
      await page.goto(agent.url + hash);
      await ready(page, view);
      await still(page);
      await accessible(page, `${view}, ${colours}`);
      await picture(page, `${view}-${colours}`);
      await go(page);
    }
    await page.done();
  });
}

test("a phone", async () => {
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

test("what opens", async () => {
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

/** Takes it out of the way that the page moves while it is looked at. */
const still = page => page.getByRole("button", { name: "Pause" }).click();
const go = page => page.getByRole("button", { name: "Resume" }).click();
