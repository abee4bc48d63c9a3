// Every view, as a user goes through them.
import assert from "node:assert/strict";
import { test } from "node:test";
import { Agent, known, standIn } from "./support/agent.js";
import { accessible, live, look, open, PHONE, picture } from "./support/browser.js";
import { eventually } from "./support/eventually.js";
import { demo } from "./support/host.js";
import { free, gpu, scenario } from "./support/scenario.js";
import { suite } from "./support/suite.js";

const { browser, agent, at } = await suite(demo);
const text = async locator => (await locator.innerText()).replaceAll("\u202f", " ");

test("the overview shows every GPU and every process", async () => {
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

test("a free GPU has its UUID to copy", async () => {
  const page = await at("", { permissions: ["clipboard-read", "clipboard-write"] });
  const { gpus } = await agent.ask("api/v1/snapshot");
  await page.locator("article.gpu").nth(7).locator("button.copy").click();
  const copied = await eventually("the clipboard", () => page.evaluate(() => navigator.clipboard.readText()));
  assert.equal(copied, `CUDA_VISIBLE_DEVICES=${gpus[7].uuid}`);
  await page.done();
});

test("a card leads to its GPU, and the URL keeps the view", async () => {
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

test("a group of readings explains itself", async () => {
  const page = await at("#/gpu/0");
  await page.getByRole("button", { name: "Explain Clocks" }).click();
  await page.getByText("Current SM clock.").waitFor();
  // The header covers parts of a scrolled page.
  await page.evaluate(() => scrollTo(0, 0));
  await accessible(page, "explained readings");
  await picture(page, "explained-light");
  await page.done();
});

test("an unknown GPU is reported", async () => {
  const page = await at("#/gpu/99");
  await page.getByText("This host has no GPU 99.").waitFor();
  await page.done();
});

test("a process name is never interpreted as HTML", async () => {
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

test("all of a card leads to its GPU, whose link can be copied", async () => {
  const page = await at("", { permissions: ["clipboard-read", "clipboard-write"] });
  const card = page.locator("article.gpu").nth(3);
  for (const part of [".memory .bar", "[data-tile=power]", ".spark"]) {
    await card.locator(part).click();
    await page.locator(".hero", { hasText: "GPU 3" }).waitFor();
    await page.goBack();
    await card.waitFor();
  }
  await card.locator(".restraint").click();
  assert.equal(new URL(page.url()).hash, "", "what has a use of its own leads nowhere");
  await card.locator(".spark").click();
  await page.getByRole("button", { name: "Copy link" }).click();
  const copied = await eventually("the clipboard", () => page.evaluate(() => navigator.clipboard.readText()));
  const { gpus } = await agent.ask("api/v1/snapshot");
  assert.equal(copied, `${agent.url}#/gpu/${gpus[3].uuid}`);
  await page.goto(copied);
  await page.getByRole("heading", { name: "GPU 3" }).waitFor();
  await page.done();
});

test("a view starts at its top and heading, and the title has the free GPUs", async () => {
  const page = await at("", { viewport: { width: 1200, height: 500 } });
  await live(page);
  const { hostname } = (await agent.ask("api/v1/snapshot")).host;
  assert.match(await page.title(), new RegExp(`^[23] free · ${hostname}$`));
  await page.locator("table").scrollIntoViewIfNeeded();
  assert.ok((await page.evaluate(() => scrollY)) > 0);
  const toProcesses = async () => {
    await page.getByRole("navigation", { name: "Views" }).getByRole("link", { name: "Processes" }).click();
    await eventually("the heading", () =>
      page.evaluate(
        () =>
          document.activeElement.tagName === "H2" &&
          document.activeElement.textContent === "Processes" &&
          scrollY === 0,
      ),
    );
  };
  await toProcesses();
  assert.match(await page.title(), / · Processes$/);
  await page.getByRole("navigation", { name: "Views" }).getByRole("link", { name: "Overview" }).click();
  await eventually("all of the overview", () => page.evaluate(() => document.activeElement.id === "main"));
  await toProcesses();
  // The focused element is not below the header.
  await page
    .getByRole("button", { name: /Details of process/ })
    .first()
    .focus();
  await page.evaluate(() => scrollTo(0, document.body.scrollHeight));
  await page.keyboard.press("Shift+Tab");
  const top = await page.evaluate(() => document.activeElement.getBoundingClientRect().top);
  assert.ok(top >= 52, `${top}`);
  await page.done();
});

test("eight GPUs fit a laptop's screen, and a GPU two lines of a phone's", async () => {
  const page = await at("", { viewport: { width: 1440, height: 900 } });
  const last = page.locator("article.gpu").nth(7);
  await last.waitFor();
  const { y, height } = await last.boundingBox();
  assert.ok(y + height <= 900, `the last ends at ${y + height}`);
  await page.setViewportSize(PHONE);
  await eventually("cards of two lines", () =>
    page.locator("article.gpu").evaluateAll(cards => cards.every(card => card.offsetHeight <= 84)),
  );
  await page.done();
});

test("a tooltip opens by touch and stays, and can be hovered", async () => {
  const other = await Agent.start({ scenario: scenario([free({ memory_temperature_c: undefined }), gpu()]) });
  const phone = await open(browser, `${other.url}#/gpu/0`, {
    viewport: PHONE,
    hasTouch: true,
    isMobile: true,
  });
  const tooltip = phone.locator(".tooltip");
  await phone.getByRole("combobox").first().waitFor();
  for (const place of [".legend .absent", ".legend .absent"]) {
    const absent = phone.locator(place).first();
    await absent.scrollIntoViewIfNeeded();
    // The focus moves away.
    await phone.getByRole("searchbox").focus();
    await absent.tap();
    await tooltip.filter({ hasText: "Not supported" }).waitFor();
    // It stays open: other effects of a tap are over by then.
    await phone.evaluate(() => new Promise(done => requestAnimationFrame(() => setTimeout(done))));
    assert.equal(await tooltip.isVisible(), true);
    await phone.getByRole("heading", { name: "Charts" }).tap();
    await tooltip.waitFor({ state: "hidden" });
  }
  await phone.done();

  const page = await open(browser, `${other.url}#/gpu/0`);
  const absent = page.locator(".legend .absent").first();
  await absent.hover();
  const over = page.locator(".tooltip");
  await over.waitFor();
  const [from, to] = [await absent.boundingBox(), await over.boundingBox()];
  const end = to.y < from.y ? to.y + to.height : to.y;
  await page.mouse.move(from.x + 3, (end + (to.y < from.y ? from.y : from.y + from.height)) / 2);
  await page.mouse.move(from.x + 3, to.y + to.height / 2);
  assert.equal(await over.isVisible(), true);
  await page.done();
  await other.end();
});

test("a MIG GPU shows its instances, and free ones have their UUID to copy", async () => {
  const mark = `--run=${process.pid}-mig`;
  const played = known("mig-a100").replaceAll(/^command = "(.*)"$/gm, `command = "$1 ${mark}"`);
  const other = await Agent.start({ scenario: played });
  for (const job of ["finetune.py", "infer.py"]) standIn(other.folder, "python", [job, mark]);
  const { gpus } = await other.until("a free instance and two that are not", ({ processes, gpus }) => {
    const free = gpus[0]?.mig.filter(({ use }) => use.verdict === "free") ?? [];
    return processes.length >= 2 && free.length === 1 && { gpus };
  });
  const page = await open(browser, other.url, { permissions: ["clipboard-read", "clipboard-write"] });
  const instances = page.locator("article.gpu").first().locator(".instances > li");
  await instances.nth(2).waitFor();
  assert.equal(await instances.count(), gpus[0].mig.length);
  await instances.filter({ hasText: "root" }).first().waitFor();
  await page.getByRole("button", { name: /Copy CUDA_VISIBLE_DEVICES of MIG 0 · / }).click();
  const copied = await eventually("the clipboard", () => page.evaluate(() => navigator.clipboard.readText()));
  const uuid = gpus[0].mig.find(({ use }) => use.verdict === "free").uuid;
  assert.equal(copied, `CUDA_VISIBLE_DEVICES=${uuid}`);
  await accessible(page, "instances");
  await picture(page, "mig-light");
  await page.done();
  await other.end();
});

test("unified memory is marked as the host's", async () => {
  const other = await Agent.start({ scenario: known("gb10") });
  const page = await open(browser, other.url);
  await page.getByText("memory, shared with the host").waitFor();
  await page.locator(".hero .memory").getByText("shared with the host").waitFor();
  await picture(page, "unified-light");
  await page.done();
  await other.end();
});

test("new events do not render known ones again", async () => {
  const other = await Agent.start({ scenario: scenario([free(), gpu()]) });
  const page = await open(browser, `${other.url}#/events`);
  const lines = page.locator(".events li");
  other.play(scenario([free({ errors: { "*": 15 } }), gpu()]));
  // Two events: the collector is ready, and the GPU is lost.
  await lines.filter({ hasText: "lost" }).first().waitFor();
  const oldest = await lines.last().elementHandle();
  const before = await lines.count();
  other.play(scenario([free(), gpu()]));
  await eventually("more", async () => (await lines.count()) > before);
  assert.equal(await oldest.evaluate(line => line.isConnected), true);
  await page.done();
  await other.end();
});

test("a note of the host is shown until it is dismissed", async () => {
  const other = await Agent.start({ scenario: scenario([free()]), args: ["--dcgm-job-dir=/nowhere"] });
  const { host } = await other.until("the note", ({ host }) => host.notes.length === 1);
  const page = await open(browser, other.url);
  const note = page.getByText(host.notes[0]);
  await note.waitFor();
  await page.getByRole("button", { name: "Do not show again" }).click();
  await note.waitFor({ state: "hidden" });
  await page.reload();
  await live(page);
  assert.equal(await note.count(), 0);
  await page.done();
  await other.end();
});

test("the agent is polled at the chosen interval, which is stored", async () => {
  const page = await at("");
  await live(page);
  const asked = [];
  page.on("request", request => asked.push(new URL(request.url()).pathname.split("/").at(-1)));
  await page.getByRole("button", { name: "Settings" }).click();
  await page.getByRole("combobox", { name: "Refresh" }).selectOption("2000");
  await page.getByText("every 2\u202fs").first().waitFor();
  await eventually("two polls", () => asked.filter(path => path === "snapshot").length >= 2);
  assert.ok(!asked.includes("stream"));
  await page.reload();
  await page.locator(".status", { hasText: "every 2" }).waitFor();
  await page.done();
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

test("updates stop while paused or in the background", async () => {
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

test("everything can be reached by keyboard", async () => {
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
