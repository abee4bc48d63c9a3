// Usage on the fleet page, at a hub with made-up hosts.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { accessible, COLOUR_RULES, live, open, PHONE, picture } from "./support/browser.js";
import { eventually } from "./support/eventually.js";
import { FakeHub, twelve } from "./support/hub.js";
import { suite } from "./support/suite.js";

const { browser } = await suite();

const HOUR = 3600;

const sums = (hours, busy) => ({
  gpu_seconds: hours * HOUR,
  present_gpu_seconds: hours * HOUR,
  busy_gpu_seconds: hours * HOUR * busy,
  idle_gpu_seconds: hours * HOUR * (1 - busy) * 0.5,
  allocated_gpu_seconds: null,
  memory_byte_seconds: 1e15,
  peak_memory_bytes: 2 ** 36,
  energy_joules: hours * HOUR * 450,
  sessions: 12,
});

const ROWS = {
  user: [
    { user: "alice", ...sums(1310, 0.82) },
    { user: "bob", ...sums(740.5, 0.4) },
    { user: "<b>carol</b>", ...sums(92.25, 0.11) },
    { user: null, ...sums(3, 0.5) },
  ],
  host: [
    { host: "gpu01", ...sums(1600, 0.7) },
    { host: "gpu02", ...sums(545.75, 0.3) },
  ],
  gpu: [{ host: "gpu01", gpu: 3, uuid: "GPU-a", ...sums(2145.75, 0.6) }],
};

/** Answers of `/api/v1/fleet/usage`; `change` makes them others. */
function usage(change = {}) {
  return function other(path, request, response) {
    if (path !== "api/v1/fleet/usage") return false;
    const params = new URL(request.url, this.origin).searchParams;
    if (params.get("format") === "csv") {
      response.writeHead(200, { "Content-Type": "text/csv" });
      response.end("user,gpu_seconds\r\nalice,1\r\n");
      return true;
    }
    const by = params.get("by");
    const rows = (ROWS[by] ?? []).filter(row => !params.has("user") || row.user === params.get("user"));
    const held = ROWS.user.reduce((all, row) => all + row.gpu_seconds, 0);
    const until = Date.UTC(2026, 10, 30, 12);
    const days = params.get("since") === "-24h" ? 1 : 30;
    const body = {
      schema: 1,
      at: until,
      since: until - days * 24 * HOUR * 1000,
      until,
      tz: "Europe/Berlin",
      by: by === "gpu" ? ["host", "gpu"] : [by],
      source: "agents",
      hosts: 10,
      missing: [
        { host: "gpu11", error: "refused: 401: the agent refuses the hub's token" },
        { host: "gpu09", error: "unreachable: connection refused" },
      ],
      persistent: false,
      people: true,
      notes: [
        {
          host: "gpu08",
          note: "There is no state directory (--state-dir): usage is kept in memory, for one day.",
        },
      ],
      price_gpu_hour: { amount: 1.2, currency: "EUR" },
      devices: 76,
      device_seconds: 4000 * HOUR,
      edge_seconds: 60,
      rows: by === "user" || by === "host" || by === "gpu" ? rows : [],
      free_gpu_seconds: 4000 * HOUR - held,
      unknown_gpu_seconds: 0,
      unassigned_gpu_seconds: 0,
      unobserved_gpu_seconds: 0,
      energy_joules: 5e9,
      ...change,
    };
    this.json(response, change.status ?? 200, body, request);
    return true;
  };
}

async function at(hash, run, { change, ...options } = {}) {
  const hub = await FakeHub.start(twelve(), { other: usage(change) });
  const page = await open(browser, hub.url + hash, options);
  try {
    await live(page);
    await run(page, hub);
    await page.done();
  } finally {
    await hub.end();
  }
}

const names = page => page.locator("table.usage tbody th").allTextContents();
const asked = hub =>
  hub.requests.filter(({ path }) => path === "api/v1/fleet/usage").map(({ params }) => params);

test("usage is loaded when it is opened, by user, with the hosts that are missing", () =>
  at("", async (page, hub) => {
    const loaded = () => hub.requests.filter(({ path }) => path.startsWith("assets/usage-"));
    assert.equal(loaded().length + asked(hub).length, 0);
    await page.getByRole("link", { name: "Usage" }).click();
    await page.locator("table.usage").waitFor();
    assert.deepEqual(await names(page), ["alice", "bob", "<b>carol</b>", "no name"]);
    const [first] = asked(hub);
    assert.deepEqual([first.get("since"), first.get("by")], ["-30d", "user"]);
    const missing = page.locator(".missing-hosts");
    await missing.getByText("2 of 12 hosts are not in these sums").waitFor();
    assert.deepEqual(await missing.locator("li").allTextContents(), [
      "gpu09 unreachable: connection refused",
      "gpu11 refused: 401: the agent refuses the hub's token",
    ]);
    await page.getByText("gpu08: There is no state directory").waitFor();
    assert.match(await page.locator("table.usage tfoot").textContent(), /All 4/);
    await page.getByText("times in Europe/Berlin, the hub's time zone").waitFor();
    await page.getByText("From the agents of 10 hosts.").waitFor();
  }));

test("period, grouping, order and user are in the URL", () =>
  at("#/usage", async (page, hub) => {
    await page.locator("table.usage").waitFor();
    await page.getByRole("radio", { name: "Day" }).check();
    await eventually("the day", () => asked(hub).at(-1).get("since") === "-24h");
    await page.getByLabel("Group by").selectOption("host");
    await page.getByRole("link", { name: "gpu02" }).last().waitFor();
    const last = asked(hub).at(-1);
    assert.equal(last.get("by"), "host");
    assert.match(last.get("since"), /^\d+$/, "the period stays while only the grouping changes");
    await page.getByRole("button", { name: "GPU-hours" }).click();
    assert.deepEqual(await names(page), ["gpu02", "gpu01"]);
    assert.match(page.url(), /#\/usage\?range=day&by=host&sort=gpuSeconds$/);
    await page.getByLabel("Group by").selectOption("gpu");
    await page.getByText("gpu01 GPU 3").waitFor();
    await page.evaluate(() => {
      location.hash = "#/usage";
    });
    await page.getByRole("link", { name: "alice" }).click();
    await eventually("her hosts", () => asked(hub).at(-1).get("user") === "alice");
    assert.match(page.url(), /user=alice&by=host$/);
    await page.getByRole("button", { name: /alice/ }).click();
    await eventually("everybody", () => !asked(hub).at(-1).has("user"));
  }));

test("the same can be saved as CSV", () =>
  at("#/usage", async (page, hub) => {
    await page.locator("table.usage").waitFor();
    const [download] = await Promise.all([
      page.waitForEvent("download"),
      page.getByRole("button", { name: "CSV" }).click(),
    ]);
    assert.match(download.suggestedFilename(), /^fleet-usage-.*\.csv$/);
    assert.equal(readFileSync(await download.path(), "utf8"), "user,gpu_seconds\r\nalice,1\r\n");
    assert.equal(asked(hub).at(-1).get("by"), "user");
  }));

test("what an engine cannot know is a dash", () =>
  at(
    "#/usage",
    async page => {
      await page.locator("table.usage").waitFor();
      await page.getByText("From the engine (--prometheus), which has counters").waitFor();
      assert.equal(await page.locator(".totals").count(), 0);
      const cells = page.locator("table.usage tbody tr").first().locator("[data-column=share]");
      assert.match(await cells.textContent(), /not known/);
    },
    {
      change: {
        source: "engine",
        device_seconds: null,
        free_gpu_seconds: null,
        unknown_gpu_seconds: null,
        unassigned_gpu_seconds: null,
        unobserved_gpu_seconds: null,
        energy_joules: null,
      },
    },
  ));

test("a refusal is shown with its reason", () =>
  at(
    "#/usage",
    async page => {
      await page.getByText("The hub refuses this period or filter.").waitFor();
      await page.getByText("No such thing.").waitFor();
    },
    { change: { status: 400, detail: "No such thing." }, expected: ["400"] },
  ));

test("no host has answered", () =>
  at("#/usage", page => page.getByText("No host has answered.").waitFor(), {
    change: { hosts: 0, people: true },
  }));

for (const colorScheme of ["light", "dark"]) {
  test(`usage is readable, ${colorScheme}`, () =>
    at(
      "#/usage",
      async page => {
        await page.locator("table.usage").waitFor();
        await accessible(page, `usage, ${colorScheme}`, COLOUR_RULES);
        await picture(page, `fleet-usage-${colorScheme}`);
      },
      { colorScheme },
    ));
}

test("usage fits a phone", () =>
  at(
    "#/usage",
    async page => {
      await page.locator("table.usage").waitFor();
      assert.ok(
        await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth),
        "it scrolls sideways",
      );
      await accessible(page, "usage, phone");
      await picture(page, "fleet-usage-phone");
    },
    { viewport: { ...PHONE, width: 320 }, hasTouch: true, isMobile: true },
  ));
