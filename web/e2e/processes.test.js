// The table of processes: its order, groups, columns and exports, and what of it a phone has.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, before, test } from "node:test";
import { launch, live, open, PHONE } from "./support/browser.js";
import { eventually } from "./support/eventually.js";
import { demo } from "./support/host.js";

let browser;
let agent;

before(async () => {
  browser = await launch();
  agent = await demo();
});
after(async () => {
  await browser?.close();
  await agent?.end();
});

const at = (hash, options) => open(browser, agent.url + hash, options);
const rows = page => page.locator("table.processes tbody tr:not(.group)");
const column = (page, name) => rows(page).locator(`td[data-column=${name}]`).allInnerTexts();

test("are sorted by the column that is pressed, and back; the address keeps it", async () => {
  const page = await at("#/processes");
  await eventually("six rows", async () => (await rows(page).count()) === 6);
  assert.deepEqual(await column(page, "gpu"), ["0", "1", "2", "3", "4", "5"]);
  const memory = page.getByRole("columnheader", { name: "GPU memory" });
  await memory.getByRole("button").click();
  assert.equal(await memory.getAttribute("aria-sort"), "descending");
  assert.match(new URL(page.url()).hash, /sort=-gpu_memory/);
  assert.deepEqual((await column(page, "gpu")).slice(-2), ["4", "5"]);
  await memory.getByRole("button").click();
  assert.equal(await memory.getAttribute("aria-sort"), "ascending");
  await eventually("the least first", async () => (await column(page, "gpu"))[0] === "5");
  await page.reload();
  await eventually("the least first", async () => (await column(page, "gpu"))[0] === "5");
  await page.done();
});

test("are grouped by user, with sums, and stay so", async () => {
  const page = await at("#/processes");
  await page.getByRole("button", { name: "By user" }).click();
  const group = page.locator("tr.group");
  await group.filter({ hasText: /root.*6 processes.*GPUs 0, 1, 2, 3, 4, 5/ }).waitFor();
  await page.reload();
  await group.first().waitFor();
  await page.done();
});

test("have the columns that were chosen, here and in an export as CSV", async () => {
  const page = await at("#/processes");
  await page.getByRole("button", { name: "Columns" }).click();
  await page.getByRole("checkbox", { name: "Type" }).uncheck();
  await page.getByRole("checkbox", { name: "Host memory" }).check();
  await page.keyboard.press("Escape");
  await page.reload();
  await page.getByRole("columnheader", { name: "Host memory" }).waitFor();
  assert.equal(await page.getByRole("columnheader", { name: "Type" }).count(), 0);
  const [download] = await Promise.all([
    page.waitForEvent("download"),
    (async () => {
      await page.getByRole("button", { name: "Export" }).click();
      await page.getByRole("button", { name: "CSV" }).click();
    })(),
  ]);
  const [head, ...lines] = readFileSync(await download.path(), "utf8")
    .trimEnd()
    .split("\r\n");
  assert.equal(lines.length, 6);
  assert.ok(head.includes("host_memory_bytes") && !head.split(",").includes("type"), head);
  assert.match(lines[0], /^0,GPU-/);
  assert.match(lines[0], /python train\.py --local-rank=0/);
  await page.done();
});

test("tell all of one of them, whose command is copied", async () => {
  const page = await at("#/processes", { permissions: ["clipboard-read", "clipboard-write"] });
  const { processes } = await agent.ask("api/v1/snapshot");
  await page.getByRole("button", { name: `Details of process ${processes[0].pid}` }).click();
  const details = page.locator("tr.details");
  await details.getByText("Processor").waitFor();
  await details.getByRole("button", { name: "Copy the command" }).click();
  const copied = await eventually("the clipboard", () => page.evaluate(() => navigator.clipboard.readText()));
  assert.equal(copied, processes[0].command);
  await page.done();
});

test("are sorted on a phone too, and say there why a value is absent", async () => {
  const page = await at("#/processes", { viewport: PHONE, hasTouch: true, isMobile: true });
  await live(page);
  await page.getByRole("combobox", { name: "Sort by" }).selectOption("-gpu");
  await eventually("the last first", async () => (await column(page, "gpu"))[0] === "5");
  assert.equal(await page.getByRole("button", { name: "Columns" }).isVisible(), false);
  await page
    .getByRole("button", { name: /Details of process/ })
    .first()
    .tap();
  await page.locator("tr.details").getByText("PID").waitFor();
  await page.done();
});
