// The fleet page, at a hub with made-up hosts.
import assert from "node:assert/strict";
import { test } from "node:test";
import { accessible, COLOUR_RULES, DESKTOP, live, open, PHONE, picture } from "./support/browser.js";
import { eventually } from "./support/eventually.js";
import { FakeHub, gpuOf, hostOf, many, twelve } from "./support/hub.js";
import { suite } from "./support/suite.js";

const { browser } = await suite();

/** A page of a hub with these hosts; both end with `run`. */
async function at(hosts, hash, run, { hub: options = {}, ...page } = {}) {
  const hub = await FakeHub.start(hosts, options);
  const shown = await open(browser, hub.url + hash, page);
  try {
    await run(shown, hub);
    await shown.done();
  } finally {
    await hub.end();
  }
}

const row = (page, name) => page.locator(`[data-host="${name}"]`);
const names = page => page.locator("tbody [data-host] .name a").allTextContents();
const cells = (page, name) =>
  row(page, name)
    .locator(".cell")
    .evaluateAll(found => found.map(each => each.dataset.status));

/** Points at an element until its tooltip shows a text. A first attempt may scroll, which hides tooltips. */
const tooltip = (page, target, text) =>
  eventually(`the tooltip “${text}”`, async () => {
    await page.mouse.move(0, 0);
    await target.hover();
    return page.locator(".tooltip:not([hidden])").getByText(text).isVisible();
  });

test("hosts are listed with the state of each GPU, those in trouble first", () =>
  at(twelve(), "", async page => {
    await live(page);
    assert.deepEqual((await names(page)).slice(0, 5), ["gpu02", "gpu09", "gpu11", "gpu07", "gpu01"]);
    assert.deepEqual(await cells(page, "gpu01"), [
      "busy",
      "busy",
      "busy",
      "busy",
      "busy",
      "held",
      "free",
      "free",
    ]);
    assert.equal((await cells(page, "gpu02"))[3], "trouble");
    await row(page, "gpu01").getByText("2 of 8").waitFor();
    assert.equal(
      await row(page, "gpu01").getByRole("img").first().getAttribute("aria-label"),
      "8 GPUs: 2 free, 1 idle with memory held, 5 busy",
    );
    assert.match(await page.title(), /^4 hosts in trouble · 2\d GPUs, 4 MIG free · Fleet$/);
  }));

test("a host that does not report has no values, and says since when and why", () =>
  at(twelve(), "", async page => {
    await live(page);
    await row(page, "gpu09")
      .getByText(/^unreachable 12/)
      .waitFor();
    await row(page, "gpu09").getByText("connection refused").waitFor();
    await row(page, "gpu11").getByText("401: the agent refuses the hub's token").waitFor();
    await row(page, "gpu07")
      .getByText(/^stale \d+/)
      .waitFor();
    assert.deepEqual([...new Set(await cells(page, "gpu09"))], ["unknown"]);
    assert.deepEqual([...new Set(await cells(page, "gpu07"))], ["stale"]);
    for (const name of ["gpu09", "gpu11", "gpu07"]) {
      const text = await row(page, name)
        .locator("td:not([data-column=host], [data-column=gpus])")
        .allTextContents();
      assert.ok(
        text.every(each => each.startsWith("–")),
        `${name}: ${text}`,
      );
    }
    // The reason is in a tooltip.
    const missing = row(page, "gpu09").locator("[data-column=memory] .missing");
    await tooltip(page, missing, "The host is unreachable");
  }));

test("original and older agents are marked with a sentence", () =>
  at(twelve(), "", async page => {
    await live(page);
    await tooltip(page, row(page, "gpu10").locator(".note"), "The original agent: polled every 10 s");
    await tooltip(page, row(page, "gpu08").locator(".note"), "An agent of an earlier release: polled");
  }));

test("changes are shown as they arrive", () =>
  at(twelve(), "", async (page, hub) => {
    await live(page);
    hub.change("gpu03", { gpus: [gpuOf("gpu03", 0, "busy"), gpuOf("gpu03", 1, "free")] });
    await row(page, "gpu03").getByText("1 of 2").waitFor();
    hub.change("gpu05", { state: "unreachable", error: "timeout", since: Date.now() });
    await row(page, "gpu05").getByText("timeout").waitFor();
    assert.deepEqual([...new Set(await cells(page, "gpu05"))], ["unknown"]);
    hub.remove("gpu04");
    await row(page, "gpu04").waitFor({ state: "detached" });
    hub.add(hostOf("gpu13", "ff"));
    await row(page, "gpu13").getByText("2 of 2").waitFor();
  }));

test("an update changes nothing but what it is about", () =>
  at(many(60), "#/?sort=name", async (page, hub) => {
    await live(page);
    await row(page, "node0003").locator(".cell").first().waitFor();
    await page.evaluate(() => {
      window.changed = new Set();
      const nameOf = node => (node.parentElement ?? node).closest("[data-host]")?.dataset.host ?? "other";
      new MutationObserver(found => {
        for (const { target } of found) window.changed.add(nameOf(target));
      }).observe(document.querySelector(".fleet"), {
        subtree: true,
        childList: true,
        attributes: true,
        characterData: true,
      });
    });
    const { gpus } = hub.hosts[2];
    // Most loads tremble: the power changes, the box of a GPU does not.
    hub.tell({
      hosts: [
        { name: "node0003", gpus: [{ index: 0, power_watts: 9_000, utilization_percent: 79 }] },
        { name: "node0004", read_at: Date.now(), gpus: [{ index: 0 }] },
      ],
    });
    const watts = gpus.slice(1).reduce((sum, gpu) => sum + gpu.power_watts, 9_000);
    await row(page, "node0003")
      .getByText(`${(watts / 1000).toFixed(1)} kW`)
      .waitFor();
    assert.deepEqual(await page.evaluate(() => [...window.changed]), ["node0003"]);
    hub.tell({ hosts: [{ name: "node0003", gpus: [{ index: 0, use: "busy", utilization_percent: 20 }] }] });
    await row(page, "node0003").locator(".cell[data-index='0'][data-level='1']").waitFor();
  }));

test("text of hosts is never markup", () => {
  const evil = "<img src=x onerror=alert(1)>";
  const hosts = [
    hostOf("gpu01", "bf", { labels: { [evil]: evil }, problems: [evil], error: evil, notes: [evil] }),
    hostOf("gpu02", "b", { agent_version: evil, driver_version: evil, source: "older_agent" }),
  ];
  hosts[0].gpus[0] = gpuOf("gpu01", 0, "busy", { name: evil, users: [evil] });
  hosts[1].gpus[0] = gpuOf("gpu02", 0, "busy", {
    name: evil,
    users: [evil],
    mig: [
      {
        label: evil,
        uuid: null,
        profile: evil,
        memory_total_bytes: null,
        memory_free_bytes: null,
        use: evil,
        since: null,
        users: [evil],
      },
    ],
  });
  return at(hosts, "#/?columns=host,gpus,free,users,driver,version", async page => {
    await live(page);
    for (const hash of ["", "#/?view=grid", "#/users", "#/wall", `#/?q=${encodeURIComponent(evil)}`]) {
      await page.goto(new URL(hash || "#/", page.url()).href);
      await page.waitForTimeout(150);
      assert.equal(await page.locator("img").count(), 0, hash);
    }
    await page.goto(new URL("#/", page.url()).href);
    await row(page, "gpu02").locator(".cell").first().hover();
    assert.equal(await page.locator("img").count(), 0);
  });
});

test("the search narrows the list, says what is wrong, and is in the URL", () =>
  at(twelve(), "", async page => {
    await live(page);
    await page.keyboard.press("/");
    await page.keyboard.type("free>=2 rack:a1");
    await eventually("two hosts", async () => (await names(page)).join() === "gpu01,gpu03");
    assert.match(page.url(), /q=free%3E%3D2\+rack%3Aa1/);
    const field = page.getByRole("searchbox");
    await field.fill("free>=x rcak:a1 gpu03");
    await page.getByText("free: expected a number, as in free>=2, got “x”.").waitFor();
    await page.getByText("“rcak” is no label of a host.").waitFor();
    assert.deepEqual(await names(page), ["gpu03"]);
    await page.reload();
    assert.equal(await field.inputValue(), "free>=x rcak:a1 gpu03");
    await field.fill("user:judy");
    await eventually("one host", async () => (await names(page)).join() === "gpu12");
    await page.getByLabel("User", { exact: true }).selectOption("");
    await page.getByLabel("State", { exact: true }).selectOption("stale");
    await eventually("the stale host", async () => (await names(page)).join() === "gpu07");
    assert.equal(await field.inputValue(), "state:stale");
    await field.fill("nothing like this");
    await page.getByText("No host matches the search.").waitFor();
  }));

test("order, groups, columns and look are in the URL", () =>
  at(twelve(), "", async page => {
    await live(page);
    await page.getByRole("button", { name: "Free", exact: true }).click();
    await eventually("most free first", async () => (await names(page))[0] === "gpu03");
    assert.match(page.url(), /sort=-free/);
    await page.getByLabel("Group by").selectOption("rack");
    const groups = page.locator("tr.group");
    assert.deepEqual(await groups.locator("b").first().textContent(), "a1");
    await groups.first().getByRole("button").click();
    await row(page, "gpu01").waitFor({ state: "detached" });
    await groups.first().getByRole("button").click();
    await page.getByRole("button", { name: "Columns" }).click();
    await page.getByLabel("Driver", { exact: true }).check();
    await page.keyboard.press("Escape");
    await row(page, "gpu01").getByText("580.95.05").waitFor();
    await page.reload();
    await row(page, "gpu01").getByText("580.95.05").waitFor();
    assert.equal(await groups.count(), 3);
    await page.getByRole("button", { name: "Grid" }).click();
    await page.locator(".tile").first().waitFor();
    assert.match(page.url(), /view=grid/);
  }));

test("keys go through hosts, and Enter opens one", () =>
  at(
    twelve(),
    "#/?sort=name",
    async page => {
      await live(page);
      const focused = () => page.evaluate(() => document.activeElement?.textContent);
      for (const [key, name] of [
        ["j", "gpu01"],
        ["j", "gpu02"],
        ["k", "gpu01"],
      ]) {
        await page.keyboard.press(key);
        await eventually(name, async () => (await focused()) === name);
      }
      await page.keyboard.press("?");
      await page.getByRole("heading", { name: "Keyboard" }).waitFor();
      await page.keyboard.press("Escape");
      await page.keyboard.press("Enter");
      await page.waitForURL(/\/hosts\/gpu01\/$/);
    },
    { expected: ["api/v1/"] },
  ));

test("find shows where it fits, with commands to copy, and what is missing", () =>
  at(twelve(), "#/find?count=2&memory=40", async page => {
    await page.getByRole("button", { name: "ssh gpu03" }).waitFor();
    await page.getByRole("button", { name: "export CUDA_VISIBLE_DEVICES=… of gpu03" }).click();
    await page.getByLabel("Number").fill("12");
    await page.getByText("No host has 12 GPUs with 40 GiB free now.").waitFor();
    await page.getByText("4 devices fewer than needed").waitFor();
    assert.match(page.url(), /count=12/);
  }));

test("a wish that fits later is said once, by a notification or on the page", () =>
  at([hostOf("gpu01", "bb")], "#/find?count=1", async (page, hub) => {
    await page.getByText("No host has 1 GPU now.").waitFor();
    await page.clock.install();
    await page.evaluate(() => {
      window.shown = [];
      window.Notification = class {
        static permission = "default";
        static requestPermission = async () => {
          window.Notification.permission = "granted";
          return "granted";
        };
        constructor(title, { body }) {
          window.shown.push(`${title}: ${body}`);
        }
      };
    });
    await page.getByRole("button", { name: "Notify me when it fits" }).click();
    await page.getByText("A notification says so.").waitFor();
    const asked = () => hub.requests.filter(({ path }) => path === "api/v1/find").length;
    hub.change("gpu01", { gpus: [gpuOf("gpu01", 0, "free")] });
    const before = asked();
    await page.clock.fastForward(9_000);
    await page.clock.fastForward(11_000);
    await page.getByText("1 GPU: it fits now.").waitFor();
    assert.ok(asked() > before);
    assert.deepEqual(await page.evaluate(() => window.shown), ["1 GPU: it fits now: gpu01: GPU 0"]);
    await page.getByRole("button", { name: "Close" }).click();
    assert.equal(await page.getByText("it fits now").count(), 0);
  }));

test("notifications that the browser blocks are no secret", () =>
  at([hostOf("gpu01", "bb")], "#/find?count=1", async page => {
    await page.evaluate(() => {
      window.Notification = { permission: "denied" };
    });
    await page.getByRole("button", { name: "Notify me when it fits" }).click();
    await page.getByText("This browser blocks notifications of this page").waitFor();
    await page.getByRole("button", { name: "Stop" }).click();
  }));

test("users are listed across hosts", () =>
  at(twelve(), "#/users", async page => {
    const judy = page.getByRole("row").filter({ hasText: "judy" });
    await judy.getByText("gpu12").waitFor();
    assert.equal(await judy.locator("td").first().textContent(), "3");
    await page.getByText("3 of 12 hosts are not counted").waitFor();
    await page.getByRole("link", { name: "judy" }).click();
    await eventually("her host", async () => (await names(page)).join() === "gpu12");
  }));

test("users of many hosts have a row each, and the age of values that are not streamed", () =>
  at(many(200), "#/users", async page => {
    const erin = page.getByRole("row").filter({ hasText: "erin" });
    await erin.getByRole("link", { name: /^and \d+ more hosts$/ }).waitFor();
    assert.ok((await erin.locator(".places li").count()) <= 9);
    await page.getByText(/^off screen \d+\ss old$/).waitFor();
    await erin.getByRole("link", { name: /more hosts/ }).click();
    await page.getByText(/^\d+ of 200, \d+ free$/).waitFor();
  }));

test("a host in trouble has a mark on its tile, which is more than a colour", () =>
  at(twelve(), "#/?view=grid", async page => {
    await live(page);
    for (const hash of ["#/?view=grid", "#/wall"]) {
      await page.goto(new URL(hash, page.url()).href);
      await row(page, "gpu02").locator(".mark svg").waitFor();
      await row(page, "gpu02").getByText("GPU 3: Xid 79").waitFor({ state: "attached" });
      assert.equal(await row(page, "gpu01").locator(".mark").count(), 0);
    }
  }));

test("the user signs in once, for the fleet and its hosts", () =>
  at(
    twelve(),
    "",
    async (page, hub) => {
      hub.other = (path, _, response) => {
        if (!path.startsWith("hosts/")) return false;
        response.writeHead(404, { "Content-Type": "application/problem+json" });
        response.end('{"detail":"This host runs the original agent, which has /status and /count only."}');
        return true;
      };
      await page.getByLabel("Token").fill("wrong");
      await page.getByRole("button", { name: "Sign in" }).click();
      await page.getByText("The hub refuses this token.").waitFor();
      await page.getByLabel("Token").fill("secret");
      await page.getByRole("button", { name: "Sign in" }).click();
      await live(page);
      await row(page, "gpu10").getByRole("link", { name: "gpu10" }).click();
      await page.getByText("The hub cannot show this host.").waitFor();
      await page.getByText("This host runs the original agent").waitFor();
      const ofHost = hub.requests.filter(({ path }) => path.startsWith("hosts/gpu10/api/"));
      assert.ok(ofHost.length > 0 && ofHost.every(({ token }) => token === "Bearer secret"));
      assert.ok(
        hub.requests.every(({ path, token }) => token !== "Bearer secret" || !path.startsWith("assets/")),
      );
      await page.getByRole("link", { name: "All hosts" }).click();
      await live(page);
    },
    { hub: { token: "secret" }, expected: ["401", "404"] },
  ));

test("without the hub the page says so and goes on by itself", () =>
  at(
    twelve(),
    "",
    async (page, hub) => {
      await live(page);
      await hub.stop();
      await page.getByText("The hub does not answer.").waitFor();
      await page.locator("main.old").waitFor();
      await page.getByText(/Values are \d+\ss old/).waitFor();
      hub.hosts[0] = hostOf("gpu01", "ffff");
      await hub.restart();
      await row(page, "gpu01").getByText("4 of 4").waitFor();
      await page.locator("main:not(.old)").waitFor();
    },
    { expected: ["ERR_", "Failed to load"] },
  ));

test("of a thousand hosts those on screen are rendered and streamed", () =>
  at(many(1000), "#/?sort=name", async (page, hub) => {
    await live(page);
    await row(page, "node0001").getByText("2 of 8").waitFor();
    assert.deepEqual(
      hub.requests
        .map(({ path, params }) => [path, params.get("rows")])
        .filter(([path]) => path.startsWith("api/")),
      [["api/v1/fleet/stream", "0-49"]],
    );
    const rendered = await page.locator("tbody tr").count();
    assert.ok(rendered < 60, `${rendered} rows`);
    assert.equal(await page.getByRole("table").getAttribute("aria-rowcount"), "1001");
    const height = await page.locator("tbody").evaluate(({ clientHeight }) => clientHeight);
    assert.equal(height, 56_000);
    await page.evaluate(() => scrollTo(0, document.body.scrollHeight));
    await row(page, "node1000").locator(".cell").first().waitFor();
    await eventually("other rows to be requested", () => [...hub.readers].at(-1)?.rows?.includes("node1000"));
    assert.equal(hub.readers.size, 1, "one stream at a time");
    assert.ok(!hub.requests.some(({ path }) => path === "api/v1/fleet"));
    // Keys reach rows that are not rendered.
    await page.keyboard.press("k");
    await page.keyboard.press("k");
    await eventually("the focus", () =>
      page.evaluate(() => document.activeElement?.textContent === "node0999"),
    );
    // A search by user needs the GPUs of all hosts.
    await page.getByRole("searchbox").fill("model:h200 free>=2");
    await eventually("the others to be loaded", async () =>
      (await page.locator(".many").textContent()).startsWith("600 of"),
    );
  }));

const VIEWS = {
  table: "#/",
  grid: "#/?view=grid&group=rack",
  groups: "#/?group=rack",
  find: "#/find?count=2",
  users: "#/users",
  wall: "#/wall",
};
const COLOURS = {
  light: { colorScheme: "light" },
  dark: { colorScheme: "dark" },
  "high-contrast": { contrast: "more" },
};

for (const [colours, options] of Object.entries(COLOURS)) {
  test(`every view of the fleet is accessible, ${colours}`, () =>
    at(
      twelve(),
      "",
      async page => {
        for (const [view, hash] of Object.entries(VIEWS)) {
          await page.goto(new URL(hash, page.url()).href);
          await live(page);
          await page
            .locator(view === "find" ? ".choice-of" : view === "users" ? ".places" : "[data-host]")
            .first()
            .waitFor();
          await accessible(page, `${view}, ${colours}`, colours === "light" ? undefined : COLOUR_RULES);
          await picture(page, `fleet-${view}-${colours}`);
        }
      },
      { ...options, viewport: DESKTOP },
    ));
}

test("every view of the fleet fits a phone", () =>
  at(
    twelve(),
    "",
    async page => {
      for (const [view, hash] of Object.entries(VIEWS)) {
        await page.goto(new URL(hash, page.url()).href);
        await live(page);
        const sideways = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
        assert.ok(sideways <= 0, `${view} is ${sideways} pixels too wide`);
        if (view !== "wall") await accessible(page, `${view}, phone`);
        await picture(page, `fleet-${view}-phone`);
      }
      await page.goto(new URL("#/", page.url()).href);
      await page.getByRole("button", { name: "How to search" }).click();
      await accessible(page, "the help of the search");
    },
    { viewport: { ...PHONE, width: 320 }, hasTouch: true, isMobile: true },
  ));

test("paper has all rows", () =>
  at(many(60), "#/?sort=name", async page => {
    await live(page);
    assert.ok((await page.locator("tbody tr").count()) < 60);
    await page.evaluate(() => dispatchEvent(new Event("beforeprint")));
    await eventually("all rows", async () => (await page.locator("tbody tr").count()) === 60);
    await page.evaluate(() => dispatchEvent(new Event("afterprint")));
    await eventually("fewer rows", async () => (await page.locator("tbody tr").count()) < 60);
  }));
