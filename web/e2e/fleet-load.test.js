// Weight and cost of the fleet page. Figures that depend on the machine are reported, not judged.
import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { loadavg } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { ROOT } from "./support/agent.js";
import { DESKTOP, layoutsOf, live, open } from "./support/browser.js";
import { eventually } from "./support/eventually.js";
import { FakeHub, many, twelve } from "./support/hub.js";
import { suite } from "./support/suite.js";

/** Limit of the first load, in bytes on the wire with headers and the first data. */
const MAX_BYTES = 75_000;
/** Limit of heap growth in an hour, in bytes. */
const MAX_GROWTH = 5 * 1024 * 1024;

const { browser } = await suite();
const figures = {};
after(() => {
  const folder = join(ROOT, "target/browser");
  mkdirSync(folder, { recursive: true });
  figures["load of the machine, one minute"] = loadavg()[0];
  writeFileSync(join(folder, "fleet-figures.json"), `${JSON.stringify(figures, null, 2)}\n`);
});

const report = (context, name, value, unit) => {
  figures[name] = value;
  context.diagnostic(`${name}: ${value} ${unit}`);
};

for (const [fleet, hosts] of [
  ["12 hosts", twelve],
  ["1,000 hosts", () => many(1000)],
]) {
  test(`the first load of ${fleet}`, async context => {
    const hub = await FakeHub.start(hosts());
    const page = await open(browser, "about:blank");
    const session = await page.context().newCDPSession(page);
    await session.send("Network.enable");
    let bytes = 0;
    const urls = [];
    session.on("Network.requestWillBeSent", ({ request }) => {
      if (!request.url.startsWith("data:")) urls.push(request.url);
    });
    session.on("Network.loadingFinished", ({ encodedDataLength }) => {
      bytes += encodedDataLength;
    });
    await page.addInitScript(() => {
      new MutationObserver((_, observer) => {
        if (!document.querySelector("tbody .cell")) return;
        observer.disconnect();
        requestAnimationFrame(() => {
          window.seenAt = performance.now();
        });
      }).observe(document, { childList: true, subtree: true });
    });
    // CPU time of the main thread, whatever else uses the machine.
    await session.send("Performance.enable", { timeDomain: "threadTicks" });
    const spent = async () => {
      const { metrics } = await session.send("Performance.getMetrics");
      return metrics.find(({ name }) => name === "TaskDuration").value * 1000;
    };
    const times = [];
    const works = [];
    for (let round = 0; round < 5; round += 1) {
      await page.goto(hub.url);
      await live(page);
      times.push(await page.waitForFunction(() => window.seenAt).then(handle => handle.jsonValue()));
      works.push(await spent());
      if (round === 0) {
        report(context, `first load, ${fleet}, bytes of the page`, bytes, "");
        report(context, `first load, ${fleet}, requests`, urls.length, "");
        assert.ok(
          bytes + hub.firstBytes() <= MAX_BYTES || hub.hosts.length > 50,
          `${bytes} and ${hub.firstBytes()}`,
        );
        report(context, `first load, ${fleet}, bytes of the first data`, hub.firstBytes(), "compressed");
      }
      await page.goto("about:blank");
    }
    const middle = list => Math.round(list.sort((a, b) => a - b)[2]);
    report(context, `first view of ${fleet}, the middle of five`, middle(times), "ms");
    report(context, `first view of ${fleet}, main thread`, middle(works), "ms");
    await page.done();
    await hub.end();
  });
}

/** A window that shows fifty rows. */
const FIFTY_ROWS = { width: 1440, height: 3000 };

const WALL = { width: 1920, height: 1080 };

for (const [name, hash, viewport, { hosts = () => many(1000), ...options } = {}] of [
  ["1,000 hosts, table", "#/?sort=name", FIFTY_ROWS],
  ["1,000 hosts, table, utilization leaps", "#/?sort=name", FIFTY_ROWS, { leaps: true }],
  ["1,000 hosts, trouble first", "#/", FIFTY_ROWS],
  ["1,000 hosts, search", "#/?sort=name&q=free%3E%3D1", FIFTY_ROWS],
  ["1,000 hosts, grid", "#/?view=grid&sort=name", DESKTOP],
  ["1,000 hosts, users", "#/users", DESKTOP],
  ["1,000 hosts, wall", "#/wall", WALL],
  ["12 hosts, table", "#/", DESKTOP, { hosts: twelve }],
]) {
  test(`an update of ${name}`, async context => {
    const hub = await FakeHub.start(hosts(), options);
    const page = await open(browser, hub.url + hash, { viewport });
    await live(page);
    await eventually("the first cells", async () => (await page.locator("[data-host], .places").count()) > 5);
    const session = await page.context().newCDPSession(page);
    // CPU time of the main thread, whatever else uses the machine.
    await session.send("Performance.enable", { timeDomain: "threadTicks" });
    const measure = async () => {
      const { metrics } = await session.send("Performance.getMetrics");
      return Object.fromEntries(metrics.map(({ name, value }) => [name, value]));
    };
    const updates = async count => {
      for (let at = 0; at < count; at += 1) {
        hub.tick();
        // Until it is painted.
        await page.evaluate(() => new Promise(done => requestAnimationFrame(() => setTimeout(done))));
        await new Promise(resolve => setTimeout(resolve, 60));
      }
    };
    await updates(5);
    const idle = async count => {
      const from = await measure();
      for (let at = 0; at < count; at += 1) {
        await page.evaluate(() => new Promise(done => requestAnimationFrame(() => setTimeout(done))));
        await new Promise(resolve => setTimeout(resolve, 60));
      }
      const to = await measure();
      return key => ((to[key] - from[key]) * 1000) / count;
    };
    const from = await measure();
    await updates(20);
    const to = await measure();
    const nothing = await idle(20);
    const layouts = await layoutsOf(session, () => updates(20));
    // On any machine: the browser lays out what has changed, hardly ever the whole page, and once.
    const whole = layouts.filter(({ args }) => !args.beginData.partialLayout).length;
    if (name.endsWith("table"))
      assert.ok(whole <= 3, `${whole} of ${layouts.length} layouts were of the whole page`);
    assert.ok(layouts.length <= 30, `${layouts.length} layouts for 20 updates`);
    const each = key => Math.round((((to[key] - from[key]) * 1000) / 20 - nothing(key)) * 10) / 10;
    const rows = await page.locator("[data-host]").count();
    report(context, `update of ${name}, main thread`, each("TaskDuration"), `ms, ${rows} rendered`);
    report(context, `update of ${name}, of which scripts`, each("ScriptDuration"), "ms");
    report(context, `update of ${name}, of which layout`, each("LayoutDuration"), "ms");
    await page.done();
    await hub.end();
  });
}

test("an hour of updates does not fill the memory", async context => {
  const hub = await FakeHub.start(many(1000));
  const page = await open(browser, `${hub.url}#/?sort=name`);
  await live(page);
  const session = await page.context().newCDPSession(page);
  await session.send("HeapProfiler.enable");
  const heap = async () => {
    await session.send("HeapProfiler.collectGarbage");
    const { usedSize } = await session.send("Runtime.getHeapUsage");
    return usedSize;
  };
  // One each second, in bursts: of those that arrive together the page renders the last.
  const pass = async updates => {
    for (let at = 1; at <= updates; at += 1) {
      hub.tick();
      if (at % 20 === 0) await page.evaluate(() => new Promise(requestAnimationFrame));
    }
  };
  const views = ["#/?sort=name", "#/?view=grid", "#/wall", "#/?sort=name"];
  const goTo = hash =>
    page.evaluate(next => {
      location.hash = next;
    }, hash);
  // After one-time allocations of each view.
  for (const hash of views) {
    await goTo(hash);
    await pass(20);
  }
  const before = await heap();
  for (const hash of views) {
    await goTo(hash);
    await pass(900);
  }
  await page.waitForFunction(
    text => document.querySelector('[data-host="node0001"]')?.textContent.includes(text),
    hub.powerText("node0001"),
  );
  const growth = (await heap()) - before;
  report(context, "fleet, heap at first", Math.round(before / 1024), "KiB");
  report(context, "fleet, growth in an hour", Math.round(growth / 1024), "KiB");
  assert.ok(growth < MAX_GROWTH, `${growth} bytes`);
  await page.done();
  await hub.end();
});
