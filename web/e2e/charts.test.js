// The charts of a GPU.
import assert from "node:assert/strict";
import { test } from "node:test";
import { Agent } from "./support/agent.js";
import { open, PHONE } from "./support/browser.js";
import { eventually } from "./support/eventually.js";
import { gpu, scenario } from "./support/scenario.js";
import { suite } from "./support/suite.js";

/** Power draw that rises each second. */
const rising = scenario([gpu({ power_mw: { count_from: 100_000, per_s: 1_000 } }), gpu()]);

const { browser, agent, at } = await suite(async () => {
  const agent = await Agent.start({ scenario: rising });
  // Three complete steps.
  await eventually("a past", async () => {
    const { series } = await agent.ask("api/v1/history?metric=power.draw_watts&gpu=0");
    return (series[0]?.values.length ?? 0) >= 3;
  });
  return agent;
});

const chart = (page, key) => page.locator(`[data-chart=${key}]`);
const slider = (page, key) => chart(page, key).getByRole("slider");
/** Steps of the slider back from the newest. */
const steps = async of => -Number(await of.getAttribute("aria-valuemin"));
/** Colours of the chart's opaque pixels. */
const colours = page =>
  page.locator("[data-chart=power] canvas").evaluate(canvas => {
    const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
    const found = new Set();
    for (let at = 0; at < data.length; at += 4) {
      if (data[at + 3] === 255) found.add(`${data[at]},${data[at + 1]},${data[at + 2]}`);
    }
    return [...found].sort().join(" ");
  });

test("charts are those that the GPU supports; others are named", async () => {
  const page = await at("#/gpu/0");
  for (const key of ["utilization", "memory", "power", "temperature", "clocks"]) {
    await chart(page, key).locator("canvas").waitFor();
  }
  assert.equal(await chart(page, "fan").count(), 0);
  await page.getByText(/Not supported by this GPU or driver: .*Fan/).waitFor();
  await page.getByText(/At 0 for the last 15 minutes: Video engines/).waitFor();
  await page.done();
});

test("charts have the history and the present", async () => {
  const page = await at("#/gpu/0");
  await chart(page, "power").locator("canvas").waitFor();
  const last = () => steps(slider(page, "power"));
  const first = await eventually("the past", async () => (await last()) >= 3 && (await last()));
  await eventually("two seconds more", async () => (await last()) >= first + 2);
  // Power rises with time, so the table, with its newest row first, falls.
  await page.getByRole("button", { name: "Power as a table" }).click();
  const table = chart(page, "power").getByRole("table");
  await table.waitFor();
  const [highest, mean, lowest] = await table
    .locator("tr.sums td")
    .evaluateAll(cells => cells.map(cell => Number.parseFloat(cell.textContent)));
  assert.ok(lowest < highest && lowest <= mean && mean <= highest, `${lowest} ${mean} ${highest}`);
  await page.getByRole("button", { name: "Power as a table" }).click();
  await chart(page, "power").locator("canvas").waitFor();
  await page.done();
});

test("charts keep their range in the URL", async () => {
  const page = await at("#/gpu/0");
  await page.getByRole("radio", { name: "6 h" }).check();
  await eventually("the address", () => new URL(page.url()).hash === "#/gpu/0?range=6h");
  await page.getByRole("slider", { name: "Power of the last 6 hours" }).waitFor();
  await page.reload();
  await page.getByRole("slider", { name: "Power of the last 6 hours" }).waitFor();
  assert.equal(await page.getByRole("radio", { name: "6 h" }).isChecked(), true);
  await page.done();
});

test("charts cover weeks", async () => {
  const page = await at("#/gpu/0");
  for (const [button, words] of [
    ["7 d", "7 days"],
    ["30 d", "30 days"],
  ]) {
    await page.getByRole("radio", { name: button }).check();
    await page.getByRole("slider", { name: `Power of the last ${words}` }).waitFor();
    await chart(page, "power").locator("canvas").waitFor();
  }
  await page.getByRole("button", { name: "Power as a table" }).click();
  // The step that is not over has the readings of the page, and its row the date.
  const row = chart(page, "power").locator("tbody tr:not(.sums)").first();
  assert.match(await row.locator("th").textContent(), /^\d+ \w{3,4}, \d\d:\d\d$/);
  await page.done();
});

test("charts share one cursor, with its values in the legends", async () => {
  const page = await at("#/gpu/0");
  await chart(page, "power").locator("canvas").waitFor();
  const box = await chart(page, "power").locator(".u-over").boundingBox();
  await page.mouse.move(box.x + box.width - 3, box.y + 20);
  const times = page.locator(".when");
  await eventually(
    "a time under each cursor",
    async () => (await times.count()) === (await page.locator(".chart canvas").count()),
  );
  assert.equal(new Set(await times.allInnerTexts()).size, 1, "all of one time");
  await page.mouse.move(0, 0);
  await eventually("no time", async () => (await times.count()) === 0);
  await page.done();
});

test("charts zoom together by a brush, and out again", async () => {
  const page = await at("#/gpu/0");
  const canvas = chart(page, "power").locator("canvas");
  await canvas.waitFor();
  const all = page.getByRole("button", { name: "Show the whole range" });
  const brush = async () => {
    const box = await chart(page, "power").locator(".u-over").boundingBox();
    await page.mouse.move(box.x + box.width / 2, box.y + 30);
    await page.mouse.down();
    await page.mouse.move(box.x + box.width * 0.75, box.y + 30, { steps: 5 });
    await page.mouse.up();
    await all.waitFor();
  };
  await brush();
  await all.click();
  await all.waitFor({ state: "hidden" });
  await brush();
  await chart(page, "memory").locator(".u-over").dblclick();
  await all.waitFor({ state: "hidden" });
  await page.done();
});

test("charts are read and zoomed by keyboard", async () => {
  const page = await at("#/gpu/0");
  const power = slider(page, "power");
  await eventually("some steps", async () => (await steps(power)) >= 8);
  await power.focus();
  await page.keyboard.press("ArrowLeft");
  const text = await eventually("a time", async () => {
    const told = await power.getAttribute("aria-valuetext");
    return /^\d\d:\d\d:\d\d: draw \d+\u202fW$/.test(told) && told;
  });
  // The cursor keeps its time as time passes.
  const before = await steps(power);
  assert.equal(await power.getAttribute("aria-valuenow"), "-1");
  await eventually("time to go on", async () => (await steps(power)) > before + 2);
  assert.equal(await power.getAttribute("aria-valuetext"), text);
  assert.equal(await power.getAttribute("aria-valuenow"), "-1", "nothing is read out again");
  await page.keyboard.press("Shift+ArrowLeft");
  await page.keyboard.press("Shift+ArrowLeft");
  await page.keyboard.press("Shift+ArrowLeft");
  await page.keyboard.press("Enter");
  await page.getByRole("button", { name: "Show the whole range" }).waitFor();
  await eventually("only what was marked", async () => (await steps(power)) === 3);
  await page.keyboard.press("Escape");
  await page.keyboard.press("Escape");
  await page.getByRole("button", { name: "Show the whole range" }).waitFor({ state: "hidden" });
  await page.done();
});

test("charts follow the chosen theme", async () => {
  const page = await at("#/gpu/0", { colorScheme: "light" });
  await chart(page, "power").locator("canvas").waitFor();
  const light = await eventually("light ink", () => colours(page));
  await page.emulateMedia({ colorScheme: "dark" });
  const dark = await eventually("other ink", async () => (await colours(page)) !== light && colours(page));
  await page.getByRole("button", { name: "Settings" }).click();
  await page.getByRole("radio", { name: "Light" }).check();
  await eventually("other ink again", async () => (await colours(page)) !== dark);
  await page.done();
});

test("charts have a gap while the agent is away", async () => {
  const other = await Agent.start({ scenario: rising });
  const page = await open(browser, `${other.url}#/gpu/0`, { expected: ["Failed to load resource", "ERR_"] });
  const power = slider(page, "power");
  await eventually("some steps", async () => (await steps(power)) >= 2);
  await other.stop("SIGKILL");
  await page.getByText("The agent does not answer.").waitFor();
  const stopped = await steps(power);
  const since = Date.now();
  // A pause of less than four seconds is not a gap.
  await eventually("a long pause", () => Date.now() - since > 5_000);
  await other.restart();
  await eventually("more", async () => (await steps(power)) > stopped + 5);
  await power.focus();
  const texts = [];
  for (let step = 0; step < 8; step += 1) {
    await page.keyboard.press("ArrowLeft");
    texts.push(await power.getAttribute("aria-valuetext"));
  }
  assert.ok(
    texts.some(text => text.includes("not read")),
    texts.join("\n"),
  );
  await page.done();
  await other.end();
});

test("charts work on a phone, with a cursor by touch", async () => {
  const page = await at("#/gpu/0", { viewport: { ...PHONE, width: 320 }, hasTouch: true, isMobile: true });
  await chart(page, "power").locator("canvas").waitFor();
  // The browser would zoom out of a page that is wider.
  assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), 320);
  await chart(page, "power").locator(".u-over").tap();
  await page.locator(".when").first().waitFor();
  await page.done();
});

test("charts whose code fails to load leave their tables", async () => {
  const page = await at("", { expected: ["Failed to load resource", "ERR_"] });
  await page.locator("article.gpu").first().waitFor();
  await page.route("**/assets/plot*", route => route.abort());
  await page.goto(`${agent.url}#/gpu/0`);
  await page.getByText("The code of the charts could not be loaded").waitFor();
  await page.getByRole("button", { name: "Power as a table" }).click();
  await chart(page, "power").getByRole("table").waitFor();
  await page.done();
});
