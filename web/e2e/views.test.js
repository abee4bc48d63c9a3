// Every view, as a user goes through them.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, before, test } from "node:test";
import { Agent, standIn } from "./support/agent.js";
import { launch, live, open } from "./support/browser.js";
import { eventually } from "./support/eventually.js";
import { demo } from "./support/host.js";
import { free, gpu, scenario } from "./support/scenario.js";

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
const text = async locator => (await locator.innerText()).replaceAll("\u202f", " ");

test("the overview shows every GPU, and under them every process", async () => {
  const page = await at("");
  const cards = page.locator("article.gpu");
  await cards.nth(7).waitFor();
  assert.equal(await cards.count(), 8);
  assert.match(await text(cards.nth(0)), /H200[\s\S]*busy/);
  assert.match(await text(cards.nth(7)), /free/);
  assert.match(await text(page.locator(".strip")), /8 × NVIDIA H200/);
  await page.getByText("vllm serve.py --model").waitFor();
  await page.done();
});

test("a free GPU is taken by its UUID", async () => {
  const page = await at("", { permissions: ["clipboard-read", "clipboard-write"] });
  const { gpus } = await agent.ask("api/v1/snapshot");
  await page.locator("article.gpu").nth(7).locator("button.copy").click();
  const copied = await eventually("the clipboard", () => page.evaluate(() => navigator.clipboard.readText()));
  assert.equal(copied, `CUDA_VISIBLE_DEVICES=${gpus[7].uuid}`);
  await page.done();
});

test("a GPU is reached by its card, and the address keeps the view", async () => {
  const page = await at("");
  const asked = [];
  page.on("request", request => asked.push(new URL(request.url()).pathname));
  await page.locator("article.gpu h2 a").nth(3).click();
  await page.getByRole("heading", { name: "GPU 3" }).waitFor();
  assert.equal(new URL(page.url()).hash, "#/gpu/3");
  await page.getByText("1650000447957").waitFor();
  asked.length = 0;
  await page.reload();
  await page.getByRole("heading", { name: "GPU 3" }).waitFor();
  assert.equal(asked[0], "/", "only / is asked for");
  await page.goBack();
  await page.locator("article.gpu").nth(7).waitFor();
  await page.done();
});

test("a GPU that there is not is said so", async () => {
  const page = await at("#/gpu/99");
  await page.getByText("This host has no GPU 99.").waitFor();
  await page.done();
});

test("processes are filtered, sorted and exported as they are shown", async () => {
  const page = await at("#/processes");
  const rows = page.locator("table tbody tr").filter({ hasText: "root" });
  await eventually("six rows", async () => (await rows.count()) === 6);
  await page.getByRole("searchbox").fill("rank=2");
  await eventually("one row", async () => (await rows.count()) === 1);
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

test("a process is markup by name only", async () => {
  const name = `<img src=x onerror=window.hit=${process.pid}>`;
  const other = await Agent.start({
    scenario: scenario([
      gpu({ process: [{ command: `onerror=window.hit=${process.pid}`, memory_bytes: 2 ** 31 }] }),
    ]),
  });
  const hostile = standIn(other.folder, name, ["<script>\"'&"], { env: {} });
  await other.until("the process", ({ processes }) => processes.length === 1);
  for (const hash of ["", "#/gpu/0", "#/processes", "#/users", "#/events"]) {
    const page = await open(browser, other.url + hash);
    await live(page);
    if (hash !== "#/users" && hash !== "#/events") await page.getByText(name).first().waitFor();
    assert.equal(await page.evaluate(() => window.hit), undefined);
    assert.equal(await page.locator("img").count(), 0);
    await page.done();
  }
  hostile.kill();
  await other.end();
});

test("users and events", async () => {
  const page = await at("#/users");
  await page.getByRole("rowheader", { name: "root" }).waitFor();
  await page.getByRole("navigation", { name: "Views" }).getByRole("link", { name: "Events" }).click();
  await page.getByRole("heading", { name: "Events" }).waitFor();
  await page.done();
});

test("with one GPU the overview is its detail", async () => {
  const one = await Agent.start({ scenario: scenario([free()]) });
  const page = await open(browser, one.url);
  await page.locator("[data-chart=power] canvas").waitFor();
  assert.equal(new URL(page.url()).hash, "");
  await page.done();
  await one.end();
});

test("it can be paused, and stops asking while nobody looks", async () => {
  const page = await at("");
  await live(page);
  const newest = () => page.locator(".status").innerText();
  await page.getByRole("button", { name: "Pause" }).click();
  await page.getByText(/^paused/).waitFor();
  await page.getByRole("button", { name: "Resume" }).click();
  await live(page);
  assert.equal(await newest(), "live");
  const streams = [];
  page.on("request", request => request.url().endsWith("/stream") && streams.push(request));
  const closed = page.waitForEvent("requestfailed", request => request.url().endsWith("/stream"));
  await look(page, "hidden");
  await closed;
  assert.equal(streams.length, 0);
  await look(page, "visible");
  await eventually("the stream to be asked for again", () => streams.length === 1);
  await page.done();
});

function look(page, state) {
  return page.evaluate(seen => {
    Object.defineProperty(document, "visibilityState", { value: seen, configurable: true });
    document.dispatchEvent(new Event("visibilitychange"));
  }, state);
}

test("everything is reached by the keyboard", async () => {
  const page = await at("");
  await page.locator("article.gpu").nth(7).waitFor();
  await page.keyboard.press("Tab");
  assert.equal(await page.evaluate(() => document.activeElement.textContent), "Skip to the content");
  await page.keyboard.press("Enter");
  assert.equal(await page.evaluate(() => document.activeElement.id), "main");
  await page.keyboard.press("Tab");
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { name: "GPU 0" }).waitFor();
  await page.done();
});
