// The view of usage, and the last day on cards: with made-up answers of a busy host, then with the agent's own.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, test } from "node:test";
import { Agent, standIn } from "./support/agent.js";
import { accessible, COLOUR_RULES, live, open, PHONE, picture } from "./support/browser.js";
import { eventually } from "./support/eventually.js";
import { free, gpu, rows, scenario } from "./support/scenario.js";
import { suite } from "./support/suite.js";
import { recorded, sessionsOf } from "./support/usage.js";

const HOUR = 3_600_000;
const now = Date.now();
const played = scenario([...Array(6).fill(gpu({ process: rows(4_100_000, 1) })), free(), free()]);
const { browser, agent } = await suite(() => Agent.start({ scenario: played, interval: "500ms" }));
const { gpus } = await agent.ask("api/v1/snapshot");
const usual = recorded(gpus, sessionsOf(gpus, { now, days: 31, users: 4 }), { now });
const REFUSED = ["Failed to load resource"];

/** Opens a view of the agent, whose usage is `answers`; a number is the status of all answers. */
async function at(hash, { answers = usual, ...options } = {}) {
  const page = await open(browser, "about:blank", options);
  page.asked = [];
  page.answers = answers;
  for (const name of ["usage", "sessions"]) {
    await page.route(`**/api/v1/${name}?*`, route => {
      const { searchParams } = new URL(route.request().url());
      page.asked.push({ name, ...Object.fromEntries(searchParams) });
      if (typeof page.answers === "number") {
        return route.fulfill({ status: page.answers, json: { detail: `detail ${page.answers}` } });
      }
      if (searchParams.get("format") === "csv") return route.fulfill({ body: "user\r\n" });
      return route.fulfill({ json: page.answers[name](searchParams) });
    });
  }
  // Nothing was read for two hours of each day.
  await page.route("**/api/v1/history?metric=memory*", route => {
    const { searchParams } = new URL(route.request().url());
    const [since, until] = [Number(searchParams.get("since")), Number(searchParams.get("until"))];
    const values = Array.from({ length: Math.ceil((until - since) / HOUR) }, (_, at) =>
      at % 24 < 2 ? null : 1,
    );
    const series = gpus.map(({ uuid }) => ({ gpu_uuid: uuid, metric: "memory.used_bytes", values }));
    return route.fulfill({ json: { start_at: since, step_ms: HOUR, series } });
  });
  await page.goto(agent.url + hash);
  await live(page);
  return page;
}

const names = page => page.locator("table.usage tbody th").allInnerTexts();
const pointedAt = page =>
  page.evaluate(() => {
    const { ariaLabel, ariaValueText } = document.activeElement;
    return `${ariaLabel}: ${ariaValueText}`;
  });
const noSideways = async page =>
  assert.ok((await page.evaluate(() => document.documentElement.scrollWidth - innerWidth)) <= 0);

test("usage is a table that can be sorted, and parts that add up to 100 %", async () => {
  const page = await at("");
  await page.getByRole("navigation", { name: "Views" }).getByRole("link", { name: "Usage" }).click();
  await page.getByRole("heading", { name: "Usage" }).waitFor();
  await page.locator("table.usage tbody tr").nth(3).waitFor();
  assert.deepEqual(await names(page), ["alice", "bob", "carol", "dave"]);
  assert.match(await page.title(), / · Usage$/);
  const shares = await page.locator(".totals li b").allInnerTexts();
  const sum = shares.reduce((all, share) => all + Number.parseFloat(share) * 10, 0);
  assert.equal(Math.round(sum), 1000, shares.join(" "));
  const head = page.getByRole("columnheader", { name: "User" });
  await head.getByRole("button").click();
  assert.equal(await head.getAttribute("aria-sort"), "ascending");
  await head.getByRole("button").click();
  assert.deepEqual(await names(page), ["dave", "carol", "bob", "alice"]);
  assert.match(page.url(), /sort=-name/);
  await page.getByRole("columnheader", { name: "Cost" }).waitFor();
  await page.done();
});

test("the address holds the period, the grouping and the filters, which the file has too", async () => {
  const page = await at("#/usage?range=week");
  await page.getByRole("link", { name: "bob" }).click();
  await page.locator("table.usage tbody tr", { hasText: "GPU 7" }).waitFor();
  assert.match(page.url(), /range=week&user=bob&by=gpu/);
  await page.getByText("everything else").waitFor();
  await page.getByLabel("Group by").selectOption("model");
  await page.locator("table.usage tbody tr", { hasText: "NVIDIA H200" }).waitFor();
  const [download] = await Promise.all([
    page.waitForEvent("download"),
    page.getByRole("button", { name: "CSV" }).click(),
  ]);
  assert.match(download.suggestedFilename(), /-usage-\d{8}-\d{6}\.csv$/);
  assert.equal(readFileSync(await download.path(), "utf8"), "user\r\n");
  const { since, until, ...file } = page.asked.at(-1);
  assert.deepEqual(file, { name: "usage", by: "model", user: "bob", format: "csv" });
  assert.equal(Number(until) - Number(since), 7 * 86_400_000, "the period of the table");
  await page.getByRole("button", { name: /not only bob/ }).click();
  await page.locator(".totals li", { hasText: "free" }).waitFor();
  await page.getByRole("radio", { name: "Custom" }).check();
  await page.getByLabel("From", { exact: true }).fill("2026-11-02");
  await page.getByLabel("To", { exact: true }).fill("2026-11-01");
  await page.getByText("Choose a first day").waitFor();
  await page.getByLabel("To", { exact: true }).fill("2026-11-03");
  await eventually("the last day to be included", () =>
    page.asked.some(({ since, until }) => since === "2026-11-02" && until === "2026-11-04"),
  );
  await page.done();
});

test("the timeline is read with the pointer, the keyboard and as a table", async () => {
  const page = await at("#/usage?range=day");
  const tracks = page.getByRole("slider");
  await tracks.nth(7).waitFor();
  await eventually("a gap on each device", async () => (await page.locator(".gap").count()) === 8);
  const { x, y, width, height } = await tracks.nth(2).boundingBox();
  // Each session of the host begins with a quarter of the day.
  await page.mouse.move(x + width * 0.27, y + height / 2);
  const tooltip = page.locator(".timeline .tooltip");
  await tooltip.filter({ hasText: /busy/ }).waitFor();
  assert.match(
    await tooltip.innerText(),
    /^(alice|bob|carol|dave)\n(python|vllm|jupyter).*\n\d+ \w+, \d\d:\d\d – /,
  );
  const box = await tooltip.boundingBox();
  assert.ok(
    Math.abs(box.x + box.width / 2 - x - width * 0.27) < 2 && box.y + box.height <= y,
    "above the pointer",
  );
  await page.mouse.move(5, 5);
  await tooltip.waitFor({ state: "detached" });

  await page.getByRole("button", { name: "As a table" }).focus();
  await page.keyboard.press("Tab");
  assert.match(await pointedAt(page), /^GPU 0, \d sessions: \w+, .*still there/);
  await page.keyboard.press("ArrowLeft");
  const before = await pointedAt(page);
  assert.match(before, /^GPU 0, .*% busy/);
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("ArrowDown");
  assert.match(await pointedAt(page), /^GPU 2, /);
  await page.keyboard.press("ArrowUp");
  await page.keyboard.press("ArrowUp");
  assert.equal(await pointedAt(page), before, "up leads back to the same time");
  await page.keyboard.press("Tab");
  assert.doesNotMatch(await pointedAt(page), /^GPU/, "the timeline is one stop");

  await page.getByRole("button", { name: "As a table" }).click();
  const table = page.getByRole("region", { name: "Sessions, table" });
  await table.getByRole("row", { name: /still there GPU 0 / }).waitFor();
  await accessible(page, "the table of sessions");
  await page.done();
});

for (const [name, options] of Object.entries({
  light: { colorScheme: "light" },
  dark: { colorScheme: "dark" },
  "high-contrast": { colorScheme: "light", contrast: "more" },
})) {
  test(`usage is accessible, ${name}`, async () => {
    const page = await at("#/usage", options);
    await page.locator(".heat").waitFor();
    await page.getByRole("slider").first().waitFor();
    await accessible(page, `usage, ${name}`, name === "light" ? undefined : COLOUR_RULES);
    await picture(page, `usage-${name}`);
    await page.done();
  });
}

test("usage fits a phone and paper, and the heat map has the locale's weekdays", async () => {
  for (const viewport of [PHONE, { width: 320, height: 640 }]) {
    const page = await at("#/usage", { viewport, isMobile: true, hasTouch: true, locale: "de-DE" });
    await page.locator(".heat tbody th").first().waitFor();
    assert.deepEqual(await page.locator(".heat tbody th").allInnerTexts(), [
      "Mo",
      "Di",
      "Mi",
      "Do",
      "Fr",
      "Sa",
      "So",
    ]);
    await noSideways(page);
    if (viewport === PHONE) {
      await accessible(page, "usage, phone");
      await picture(page, "usage-phone");
    }
    await page.emulateMedia({ media: "print" });
    assert.equal(await page.getByRole("button", { name: "CSV" }).isVisible(), false);
    assert.equal(await page.locator(".timeline").isVisible(), true);
    await page.done();
  }
});

test("usage that is off, refused, busy, empty or in memory is shown as that", async () => {
  const page = await at("#/usage", { answers: 404, expected: REFUSED });
  await page.getByText("This agent keeps no usage.").waitFor();
  await page.getByText("detail 404").waitFor();
  for (const [status, text] of [
    [403, "This token may not see it."],
    [400, "The agent refuses this period or filter."],
    [500, "Usage could not be loaded."],
  ]) {
    page.answers = status;
    await page.getByRole("button", { name: "Reload" }).click();
    await page.getByText(text).waitFor();
  }
  const note = "There is no state directory.";
  page.answers = recorded(gpus, [], { now, more: { device_seconds: 0, persistent: false, note } });
  await page.getByRole("button", { name: "Retry" }).click();
  await page.getByText("No usage yet").waitFor();
  await page.getByText(note).waitFor();
  // A busy agent is asked again without a question.
  page.answers = 503;
  await page.getByRole("button", { name: "Reload" }).click();
  await eventually("the first question", () => page.asked.length >= 6);
  page.answers = recorded(gpus, [], { now });
  await page.getByText("Nobody used a GPU in this period.").waitFor();
  await page.done();
});

test("where names are hidden, usage is by GPU", async () => {
  const token = "the-right-token-of-this-host";
  const other = await Agent.start({ scenario: played, token, args: ["--anonymous=summary"] });
  after(() => other.end());
  const page = await open(browser, "about:blank");
  const asked = [];
  await page.route("**/api/v1/usage?*", route => {
    const { searchParams } = new URL(route.request().url());
    asked.push(searchParams.get("by"));
    return route.fulfill({ json: usual.usage(searchParams) });
  });
  page.on("request", request => /sessions/.test(request.url()) && asked.push("sessions"));
  await page.goto(`${other.url}#/usage?by=user`);
  await page.locator("table.usage tbody tr").nth(7).waitFor();
  await page.locator(".heat").waitFor();
  assert.deepEqual(asked, ["gpu", "day,hour_of_day"]);
  assert.deepEqual(await page.getByLabel("Group by").locator("option").allInnerTexts(), ["GPU", "Model"]);
  await page.getByText("Names are hidden.").waitFor();
  await page.done();
});

test("a GPU has a strip of its holders over the last day", async () => {
  const page = await at("");
  const strip = page.locator("article.gpu .holders");
  await strip.nth(7).waitFor();
  assert.match(await strip.nth(0).getAttribute("aria-label"), /^Last 24 hours: (alice|bob|carol|dave) /);
  assert.deepEqual(
    page.asked.map(({ name }) => name),
    ["sessions"],
    "one request for all",
  );
  await accessible(page, "the strips");
  await page.goto(`${agent.url}#/gpu/2`);
  await page.getByRole("region", { name: "Holders of the last 24 hours" }).getByText("Usage").click();
  await page.locator("table.usage tbody tr").first().waitFor();
  assert.equal(page.asked.at(-1).gpu, gpus[2].uuid);
  await page.done();
});

test("a month of a busy host is drawn fast", async context => {
  // 2000 sessions a day of 40 users.
  const sessions = sessionsOf(gpus, { now, days: 31, each: 250, users: 40 });
  const page = await at("#/users", { answers: recorded(gpus, sessions, { now }) });
  const session = await page.context().newCDPSession(page);
  await session.send("Performance.enable", { timeDomain: "threadTicks" });
  const spent = async () => {
    const { metrics } = await session.send("Performance.getMetrics");
    return name => metrics.find(metric => metric.name === name).value * 1000;
  };
  const before = await spent();
  await page.getByRole("navigation", { name: "Views" }).getByRole("link", { name: "Usage" }).click();
  await page.locator("table.usage tbody tr").nth(39).waitFor();
  const table = await spent();
  await page.getByText("The newest 5,000 sessions").waitFor();
  await page.locator(".heat").waitFor();
  const all = await spent();
  for (const name of ["ScriptDuration", "TaskDuration"]) {
    const ms = [Math.round(table(name) - before(name)), Math.round(all(name) - before(name))];
    context.diagnostic(
      `${name}: ${ms[0]} ms until the table, ${ms[1]} ms with 5,000 sessions and the heat map`,
    );
  }
  assert.ok((await page.locator(".timeline path").count()) <= 40 * 8, "paths, not sessions");
  await page.done();
});

test("usage is the agent's own, with a note if it is kept in memory only", async () => {
  const mark = `--run=${process.pid}-usage`;
  const job = gpu({ process: [{ command: `train.py ${mark}`, memory_bytes: 2 ** 33, sm_percent: 50 }] });
  const other = await Agent.start({ scenario: scenario([job, free()]), args: ["--price-gpu-hour=1.20EUR"] });
  after(() => other.end());
  standIn(other.folder, "python", ["train.py", mark]);
  const name = await eventually("usage", async () => {
    const { rows } = await other.ask("api/v1/usage?by=user");
    const [first] = await other.ask("api/v1/users");
    return rows.some(({ user, gpu_seconds }) => user === first.user && gpu_seconds > 1) && first.user;
  });
  const page = await open(browser, `${other.url}#/usage?range=day`);
  await page.locator("table.usage tbody tr", { hasText: name }).filter({ hasText: /€/ }).waitFor();
  await page.getByText("usage is kept in memory").waitFor();
  await page.locator(".heat").waitFor();
  await page.getByRole("slider", { name: /^GPU 0, \d sessions?$/ }).focus();
  const text = await pointedAt(page);
  assert.ok(text.includes(name) && text.includes("python train.py") && text.includes("still there"), text);
  const [download] = await Promise.all([
    page.waitForEvent("download"),
    page.getByRole("button", { name: "CSV" }).click(),
  ]);
  const [head, line] = readFileSync(await download.path(), "utf8").split("\r\n");
  assert.match(head, /^user,gpu_seconds,/);
  assert.ok(line.startsWith(`${name},`), line);
  await page.getByRole("navigation", { name: "Views" }).getByRole("link", { name: "Overview" }).click();
  const strip = page.locator("article.gpu .holders").first();
  await strip.waitFor();
  assert.ok((await strip.getAttribute("aria-label")).startsWith(`Last 24 hours: ${name} `));
  await page.done();
});

test("an agent without usage is not asked for it", async () => {
  const other = await Agent.start({ scenario: scenario([free(), free()]), args: ["--usage=off"] });
  after(() => other.end());
  const page = await open(browser, "about:blank", { expected: REFUSED });
  const asked = [];
  page.on("request", request => /usage|sessions/.test(request.url()) && asked.push(request.url()));
  // Strips are loaded after all else.
  const strips = page.waitForResponse(response => /strip/.test(response.url()));
  await page.goto(other.url);
  await strips;
  await live(page);
  await page.goto(`${other.url}#/usage`);
  await page.getByText("This agent keeps no usage.").waitFor();
  assert.deepEqual(
    asked.filter(url => /sessions/.test(url)),
    [],
  );
  await page.done();
});
