// The table of processes: filter, order, groups, columns and exports, also on a phone.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { live, PHONE } from "./support/browser.js";
import { eventually } from "./support/eventually.js";
import { demo } from "./support/host.js";
import { suite } from "./support/suite.js";

const { agent, at } = await suite(demo);
const rows = page => page.locator("table.processes tbody tr:not(.group)");
const column = (page, name) => rows(page).locator(`td[data-column=${name}]`).allInnerTexts();

test("processes are sorted by a column, in both directions; the URL keeps it", async () => {
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

test("processes are filtered, and exported as JSON", async () => {
  const page = await at("#/processes");
  await eventually("six rows", async () => (await rows(page).count()) === 6);
  await page.getByRole("searchbox").fill("rank=2");
  await eventually("one row", async () => (await rows(page).count()) === 1);
  assert.match(new URL(page.url()).hash, /q=rank/);
  const [download] = await Promise.all([
    page.waitForEvent("download"),
    (async () => {
      await page.getByRole("button", { name: "Export" }).click();
      await page.getByRole("button", { name: "JSON" }).click();
    })(),
  ]);
  const saved = JSON.parse(readFileSync(await download.path(), "utf8"));
  assert.deepEqual(
    saved.map(({ gpu, command }) => [gpu, command.split(" --run")[0]]),
    [[2, "python train.py --local-rank=2"]],
  );
  await page.done();
});

test("processes are grouped by user, with sums; the browser keeps it", async () => {
  const page = await at("#/processes");
  await page.getByRole("button", { name: "Group by user" }).click();
  const group = page.locator("tr.group");
  await group.filter({ hasText: /root.*6 processes.*GPUs 0, 1, 2, 3, 4, 5/ }).waitFor();
  await page.reload();
  await group.first().waitFor();
  await page.done();
});

test("processes have the chosen columns, on the page and as CSV", async () => {
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

test("a process has details, and a command to copy", async () => {
  const page = await at("#/processes", { permissions: ["clipboard-read", "clipboard-write"] });
  const { processes } = await agent.ask("api/v1/snapshot");
  await page.getByRole("button", { name: `Details of process ${processes[0].pid}` }).click();
  const details = page.locator("tr.details");
  await details.getByText("CPU", { exact: true }).waitFor();
  await details.getByRole("button", { name: "Copy the command" }).click();
  const copied = await eventually("the clipboard", () => page.evaluate(() => navigator.clipboard.readText()));
  assert.equal(copied, processes[0].command);
  await page.done();
});

test("processes are sorted on a phone too, with the reasons for absent values", async () => {
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
