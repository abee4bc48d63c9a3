// Sizes and places of things, on a phone, a laptop and a 4K screen; the wall, keys, paper, title and address.
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { Agent, known, standIn } from "./support/agent.js";
import { accessible, live, open, picture } from "./support/browser.js";
import { eventually } from "./support/eventually.js";
import { free, gpu, rows, scenario } from "./support/scenario.js";
import { suite } from "./support/suite.js";

const LOST = 15;
const { browser } = await suite();
const idle = { first_pid: 4_300_000, count: 1, memory_bytes: 2 ** 35, sm_percent: 0 };
const busy = gpu({ process: rows(4_100_000, 2) });
const mixed = await Agent.start({
  scenario: scenario([busy, busy, busy, free(), free()]),
  args: ["--idle-after=1s"],
});
after(() => mixed.end());
// A GPU in every state that the totals count, after an event.
mixed.play(
  scenario([
    busy,
    gpu({ errors: { "*": LOST } }),
    gpu({ fields: { 230: 1 }, process: rows(4_200_000, 1) }),
    free({ memory_used_bytes: 2 ** 35, process: [idle] }),
    free(),
  ]),
);
await mixed.until("each state", ({ gpus }) => {
  const is = (at, test) => test(gpus[at]);
  return (
    is(1, ({ state }) => state === "lost") &&
    is(2, ({ health }) => health.verdict === "critical") &&
    is(3, ({ use }) => use.verdict === "held")
  );
});

const box = locator => locator.boundingBox();
const noSideways = page => page.evaluate(() => document.documentElement.scrollWidth - innerWidth);

test("four states leave no hole beside the facts of the host at 1280 pixels", async () => {
  const page = await open(browser, mixed.url, { viewport: { width: 1280, height: 800 } });
  await live(page);
  await page.locator(".counts li", { hasText: "in trouble" }).waitFor();
  const [counts, facts] = [await box(page.locator(".counts")), await box(page.locator(".facts"))];
  assert.equal(Math.round(facts.x), Math.round(counts.x), "they begin where the totals do");
  assert.ok(facts.height < 24, `${facts.height}: one line`);
  for (const name of await page.locator("article.gpu .model").all()) {
    assert.equal(
      await name.evaluate(text => text.scrollWidth <= text.clientWidth),
      true,
      await name.innerText(),
    );
  }
  await picture(page, "four-states-light");
  await page.done();
});

test("a narrow phone cuts no number, and its bar holds the badge", async () => {
  for (const width of [320, 390]) {
    const page = await open(browser, mixed.url, { viewport: { width, height: 700 }, isMobile: true });
    await live(page);
    for (const card of await page.locator("article.gpu:not([data-status=lost])").all()) {
      const [head, number] = [await box(card.locator("h2 a")), await box(card.locator(".big"))];
      assert.ok(Math.abs(head.y + head.height / 2 - number.y - number.height / 2) < 12, "one line");
    }
    const badge = await box(page.locator(".badge"));
    const bar = await box(page.getByRole("navigation", { name: "Views" }));
    assert.ok(badge.x + badge.width <= width && badge.y >= bar.y, JSON.stringify({ badge, bar }));
    assert.ok(badge.y + badge.height <= bar.y + bar.height);
    assert.ok((await noSideways(page)) <= 0);
    await page.goto(`${mixed.url}#/users`);
    const user = page.locator("table.users tbody tr").first();
    const [name, count] = [
      await box(user.locator("th")),
      await box(user.locator("td[data-label=processes]")),
    ];
    assert.ok(count.y >= name.y + name.height - 4, "the number of processes is on the second line");
    await page.done();
  }
});

test("the title and the icon of the tab show trouble", async () => {
  const page = await open(browser, mixed.url);
  await live(page);
  assert.match(await page.title(), /^2 in trouble · 1 free · /);
  const icon = () => page.evaluate(() => decodeURIComponent(document.querySelector("link[rel=icon]").href));
  assert.match(await icon(), /#c4281f/);
  const well = await Agent.start({ scenario: scenario([free()]) });
  const other = await open(browser, well.url, { expected: ["ERR_CONNECTION_REFUSED", "net::ERR"] });
  await live(other);
  assert.match(await other.title(), /^1 free · /);
  const iconOf = () =>
    other.evaluate(() => decodeURIComponent(document.querySelector("link[rel=icon]").href));
  assert.match(await iconOf(), /#2f6fed/);
  await well.stop("SIGKILL");
  await eventually("another icon", async () => /#b45f06/.test(await iconOf()));
  await other.done();
  await well.end();
  await page.done();
});

for (const [width, height] of [
  [1920, 1080],
  [3840, 2160],
  [1080, 1920],
]) {
  test(`the wall fills ${width} x ${height} without controls`, async () => {
    const page = await open(browser, `${mixed.url}#/wall`, { viewport: { width, height } });
    const cards = page.locator(".wall article.gpu");
    await cards.nth(4).waitFor();
    assert.equal(await page.locator(".wall :is(button, input, select)").count(), 0);
    const [wide, high] = await page.evaluate(() => {
      const { scrollWidth, scrollHeight } = document.documentElement;
      return [scrollWidth, scrollHeight];
    });
    assert.ok(wide <= width && high <= height, `${wide} x ${high}`);
    const boxes = await Promise.all((await cards.all()).map(box));
    const area = boxes.reduce((sum, each) => sum + each.width * each.height, 0);
    assert.ok(area > 0.6 * width * height, `${area / width / height} of the screen`);
    for (const each of boxes) {
      assert.ok(each.x >= 0 && each.y >= 0 && each.x + each.width <= width && each.y + each.height <= height);
    }
    // Text that somebody can read from across a room: at least a fiftieth of the shorter side.
    const size = await cards
      .first()
      .locator(".wall-numbers")
      .evaluate(text => Number.parseFloat(getComputedStyle(text).fontSize));
    assert.ok(size >= Math.min(width, height) / 50, `${size} px`);
    // No part of a card lies over another one.
    for (const card of await cards.all()) {
      const parts = await Promise.all((await card.locator(".wall-card > *").all()).map(box));
      parts.reduce((above, below) => {
        assert.ok(
          below.y >= above.y + above.height - 1,
          `${JSON.stringify(above)} over ${JSON.stringify(below)}`,
        );
        return below;
      });
    }
    await page
      .getByText(/Times? in|UTC/)
      .first()
      .waitFor();
    await accessible(page, "the wall");
    await picture(page, `wall-${width}`);
    await page.keyboard.press("Escape");
    await page.locator(".strip").waitFor();
    await page.done();
  });
}

test("a 4K screen shows the page larger, with charts that fit", async () => {
  const page = await open(browser, `${mixed.url}#/gpu/0`, { viewport: { width: 3840, height: 2160 } });
  await page.locator("[data-chart=power] canvas").waitFor();
  const { width } = await box(page.locator("main"));
  assert.ok(width > 3000, `${width}`);
  const size = await page.evaluate(() => Number.parseFloat(getComputedStyle(document.body).fontSize));
  assert.ok(size >= 24, `${size} px`);
  await picture(page, "gpu-4k");
  await page.done();
});

test("keys find, step, help and can be turned off", async () => {
  const page = await open(browser, mixed.url);
  await live(page);
  await page.locator("article.gpu").nth(4).waitFor();
  const focused = () => page.evaluate(() => document.activeElement.textContent);
  for (const [key, expected] of [
    ["j", /GPU 0/],
    ["j", /GPU 1/],
    ["k", /GPU 0/],
  ]) {
    await page.keyboard.press(key);
    assert.match(await focused(), expected);
  }
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { name: "GPU 0" }).waitFor();
  await page.keyboard.press("j");
  await page.getByRole("heading", { name: "GPU 1" }).waitFor();
  await page.keyboard.press("k");
  await page.getByRole("heading", { name: "GPU 0" }).waitFor();
  await page.goto(`${mixed.url}#/events`);
  await page.getByRole("heading", { name: "Events" }).waitFor();
  await page.keyboard.press("/");
  await eventually("the filter", () => page.evaluate(() => document.activeElement.type === "search"));
  assert.match(page.url(), /#\/processes/);
  // Typed into a field, they are text.
  await page.keyboard.type("j/?");
  assert.equal(await page.getByRole("searchbox").inputValue(), "j/?");
  await page.getByRole("heading", { name: "Processes" }).click();
  await page.evaluate(() => document.activeElement.blur());
  await page.keyboard.press("?");
  await page.getByRole("dialog", { name: "Keyboard" }).waitFor();
  await accessible(page, "the help");
  await picture(page, "help-light");
  await page.keyboard.press("Escape");
  await page.getByRole("dialog", { name: "Keyboard" }).waitFor({ state: "hidden" });
  await page.getByRole("button", { name: "Settings" }).click();
  await page.getByLabel("Keyboard shortcuts").uncheck();
  await page.keyboard.press("Escape");
  await page.evaluate(() => document.activeElement.blur());
  await page.keyboard.press("?");
  assert.equal(await page.getByRole("dialog", { name: "Keyboard" }).count(), 0);
  await page.done();
});

test("the address holds grouping and columns, also in another browser", async () => {
  const page = await open(browser, `${mixed.url}#/processes`);
  await page.getByRole("button", { name: "Group by user" }).click();
  await page.getByRole("button", { name: "Columns" }).click();
  await page.getByLabel("PID").uncheck();
  const address = page.url();
  const query = new URLSearchParams(address.split("?")[1]);
  assert.equal(query.get("group"), "user");
  assert.ok(query.get("columns").includes("command") && !query.get("columns").includes("pid"));
  const other = await open(browser, address);
  await other.locator("tr.group").first().waitFor();
  assert.equal(await other.locator("th[data-column=pid]").count(), 0);
  // The first browser keeps its choice, and says so in the address.
  await page.goto(`${mixed.url}#/users`);
  await page.goto(`${mixed.url}#/processes`);
  await eventually("the choice", () => /group=user/.test(page.url()) && /columns=/.test(page.url()));
  await other.done();
  await page.done();
});

test("paper has no controls", async () => {
  const page = await open(browser, mixed.url, { colorScheme: "dark" });
  await live(page);
  await page.emulateMedia({ media: "print", colorScheme: "dark" });
  for (const control of ["header nav", "header button", ".tools search", ".tools .buttons", "footer nav"]) {
    assert.equal(await page.locator(control).first().isVisible(), false, control);
  }
  assert.equal(await page.locator("article.gpu").first().isVisible(), true);
  const paper = await page.evaluate(() => getComputedStyle(document.querySelector(".gpu")).backgroundColor);
  assert.match(paper, /255, 255, 255|oklch\(1|color\(srgb 1 1 1/);
  await page.evaluate(() => dispatchEvent(new Event("beforeprint")));
  await page.getByText(/Values of \d/).waitFor();
  await picture(page, "print-light");
  await page.done();
});

test("the page names its time zone", async () => {
  const page = await open(browser, `${mixed.url}#/gpu/0`, { timezoneId: "Asia/Tehran" });
  await live(page);
  const zone = "Times in Asia/Tehran (UTC+3:30)";
  await page.locator("footer", { hasText: zone }).waitFor();
  await page.locator(".history .tools", { hasText: zone }).waitFor();
  await page.goto(`${mixed.url}#/events`);
  await page.locator(".tools", { hasText: zone }).waitFor();
  await page.done();
});

test("MIG instances count everywhere, under one name", async () => {
  const mark = `--run=${process.pid}-layout`;
  const played = known("mig-a100").replaceAll(/^command = "(.*)"$/gm, `command = "$1 ${mark}"`);
  const host = await Agent.start({ scenario: played });
  for (const job of ["finetune.py", "infer.py"]) standIn(host.folder, "python", [job, mark]);
  await host.until("a free instance", ({ gpus, processes }) => {
    return processes.length >= 2 && gpus[0]?.mig.some(({ use }) => use.verdict === "free");
  });
  const page = await open(browser, host.url);
  await live(page);
  await eventually("the title", async () =>
    /^0 GPUs, 1 MIG free · |^1 GPU, 1 MIG free · /.test(await page.title()),
  );
  await page.locator(".counts li", { hasText: "1 MIG free" }).waitFor();
  const names = ["0 · 3g.40gb", "0 · 2g.20gb"];
  for (const name of names) {
    await page.locator("article.gpu .instances", { hasText: name }).waitFor();
    await page.locator("table.processes td[data-column=gpu]", { hasText: name }).waitFor();
  }
  await page.goto(`${host.url}#/users`);
  for (const name of names) await page.locator("table.users .gpu-link", { hasText: name }).waitFor();
  const text = await (await fetch(`${host.url}api/v1/summary.txt`)).text();
  for (const name of [...names, "0 · 1g.10gb"]) assert.ok(text.includes(name), text);
  await page.done();
  await host.end();
});
