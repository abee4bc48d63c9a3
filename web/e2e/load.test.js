// Weight and cost of the page. Figures that depend on the machine are reported, not judged.
import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { createServer, get } from "node:http";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { Agent, ROOT } from "./support/agent.js";
import { launch, layoutsOf, live, open } from "./support/browser.js";
import { eventually } from "./support/eventually.js";
import { free, gpu, rows, scenario } from "./support/scenario.js";

/** Limits of the first load; bytes on the wire, with headers. */
const MAX_BYTES = 60_000;
const MAX_REQUESTS = 6;
/** Limit of heap growth in an hour, in bytes. */
const MAX_GROWTH = 5 * 1024 * 1024;

let browser;
let agent;
/** Agent of a host with one GPU, whose overview is its detail. */
let single;
const figures = {};

before(async () => {
  browser = await launch();
  // Eight GPUs with fifty processes.
  const gpus = Array.from({ length: 8 }, (_, index) =>
    index < 5 ? gpu({ process: rows(4_100_000 + index * 100, 10) }) : free(),
  );
  agent = await Agent.start({ scenario: scenario(gpus), interval: "300ms" });
  await agent.until("the processes", ({ processes }) => processes.length === 50);
  single = await Agent.start({
    scenario: scenario([gpu({ process: rows(4_100_000, 10) })]),
    interval: "500ms",
  });
});
after(async () => {
  await browser?.close();
  await agent?.end();
  await single?.end();
  const folder = join(ROOT, "target/browser");
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "figures.json"), `${JSON.stringify(figures, null, 2)}\n`);
});

const told = (context, name, value, unit) => {
  figures[name] = value;
  context.diagnostic(`${name}: ${value} ${unit}`);
};

for (const [host, of, seen] of [
  ["eight GPUs", () => agent, "article.gpu"],
  // The overview of one GPU is its detail. Its charts and readings load later and are not waited for.
  ["one GPU", () => single, ".hero"],
]) {
  test(`the first load of ${host} takes at most ${MAX_REQUESTS} requests and ${MAX_BYTES / 1000} kB`, async context => {
    const page = await open(browser, "about:blank");
    const session = await page.context().newCDPSession(page);
    await session.send("Network.enable");
    const requests = new Map();
    session.on("Network.requestWillBeSent", ({ requestId, request }) => {
      if (!request.url.startsWith("data:")) requests.set(requestId, { url: request.url, bytes: 0 });
    });
    session.on("Network.loadingFinished", ({ requestId, encodedDataLength }) => {
      const request = requests.get(requestId);
      if (request) request.bytes = encodedDataLength;
    });
    // First frame with GPUs.
    await page.addInitScript(first => {
      new MutationObserver((_, observer) => {
        if (!document.querySelector(first)) return;
        observer.disconnect();
        requestAnimationFrame(now => {
          window.seenAt = now;
        });
      }).observe(document, { childList: true, subtree: true });
    }, seen);
    await page.goto(of().url);
    await page.locator(seen).first().waitFor();
    await live(page);
    // A stream has no end, so its first snapshot counts.
    const snapshot = await onTheWire(`${of().url}api/v1/snapshot`);
    const all = await eventually("all that has an end to end", () => {
      const list = [...requests.values()];
      const ends = list.filter(({ url }) => !url.endsWith("/stream"));
      return ends.length === list.length - 1 && ends.every(({ bytes }) => bytes > 0) && list;
    });
    const later = await page.evaluate(() =>
      performance
        .getEntriesByType("resource")
        .filter(({ startTime }) => startTime > window.seenAt)
        .map(({ name }) => name),
    );
    const ofCharts = ({ url }) => /\/assets\/(plot|more|strip|owners)|metric=[^&]*,|\/sessions\?/.test(url);
    assert.deepEqual(
      all.filter(each => ofCharts(each) && !later.includes(each.url)),
      [],
    );
    const list = all.filter(each => !ofCharts(each));
    const sum = which => which.reduce((bytes, each) => bytes + each.bytes, 0);
    const bytes = sum(list.filter(({ url }) => !url.endsWith("/stream"))) + snapshot;
    const own = sum(list.filter(({ url }) => !url.includes("/api/")));
    told(context, `first load, ${host}, requests`, list.length, "");
    told(context, `first load, ${host}, bytes`, bytes, `of which ${own} are the page itself`);
    assert.ok(list.length <= MAX_REQUESTS, list.map(({ url }) => url).join("\n"));
    assert.ok(bytes <= MAX_BYTES, JSON.stringify(list, null, 1));
    await page.done();
  });
}

/** Size of an answer in bytes, compressed as for a browser. */
const onTheWire = url =>
  new Promise((told, failed) => {
    get(url, { headers: { "Accept-Encoding": "gzip" } }, response => {
      let bytes = 0;
      response.on("data", chunk => {
        bytes += chunk.length;
      });
      response.on("end", () => told(bytes));
    }).on("error", failed);
  });

test("the page is interactive", async context => {
  const page = await open(browser, agent.url);
  // Until the first GPU is visible, and so clickable.
  await page.addInitScript(() => {
    new MutationObserver((_, observer) => {
      if (!document.querySelector("article.gpu")) return;
      window.interactiveAt = performance.now();
      observer.disconnect();
    }).observe(document, { childList: true, subtree: true });
  });
  const times = [];
  for (let round = 0; round < 5; round += 1) {
    await page.reload();
    await page.locator("article.gpu").first().waitFor();
    times.push(await page.evaluate(() => window.interactiveAt));
  }
  told(context, "interactive, the middle of five", Math.round(times.sort((a, b) => a - b)[2]), "ms");
  await page.done();
});

for (const [view, hash] of [
  ["overview", ""],
  ["processes", "#/processes"],
  ["gpu", "#/gpu/0"],
]) {
  test(`an update of 8 GPUs and 50 processes, ${view}`, async context => {
    const page = await open(browser, agent.url + hash);
    await live(page);
    const session = await page.context().newCDPSession(page);
    // CPU time of the main thread, whatever else uses the machine.
    await session.send("Performance.enable", { timeDomain: "threadTicks" });
    const measure = async () => {
      const { metrics } = await session.send("Performance.getMetrics");
      return Object.fromEntries(metrics.map(({ name, value }) => [name, value]));
    };
    const sequence = async () => (await agent.ask("api/v1/snapshot")).sequence;
    const over = async updates => {
      const begun = await sequence();
      // After one-time work.
      await agent.until("an update", snapshot => snapshot.sequence >= begun + 2);
      const [from, first] = [await measure(), await sequence()];
      await agent.until("updates", snapshot => snapshot.sequence >= first + updates);
      const [to, last] = [await measure(), await sequence()];
      return name => ((to[name] - from[name]) * 1000) / (last - first);
    };
    const busy = await over(10);
    // On any machine: the browser lays out what has changed, hardly ever the whole page.
    const layouts = await layoutsOf(session, () => over(10));
    const whole = layouts.filter(({ args }) => !args.beginData.partialLayout).length;
    assert.ok(whole <= 3, `${whole} of ${layouts.length} layouts were of the whole page`);
    // Work while paused is not part of an update.
    await page.getByRole("button", { name: "Pause" }).click();
    const idle = await over(5);
    const each = name => Math.round((busy(name) - idle(name)) * 10) / 10;
    told(context, `update, ${view}, main thread`, each("TaskDuration"), "ms");
    told(context, `update, ${view}, of which scripts`, each("ScriptDuration"), "ms");
    told(context, `update, ${view}, of which layout`, each("LayoutDuration"), "ms");
    await page.done();
  });
}

test("an hour open does not fill the memory", async context => {
  const hour = await simulated(agent);
  const page = await open(browser, `${hour.url}#/gpu/0`);
  await live(page);
  await page.locator("[data-chart=power] canvas").waitFor();
  const session = await page.context().newCDPSession(page);
  await session.send("HeapProfiler.enable");
  const heap = async () => {
    await session.send("HeapProfiler.collectGarbage");
    const { usedSize } = await session.send("Runtime.getHeapUsage");
    return usedSize;
  };
  // After one-time allocations.
  await hour.pass(page, 5 * 60);
  const before = await heap();
  for (const hash of ["#/gpu/0", "#/", "#/processes", "#/gpu/0"]) {
    await page.evaluate(next => {
      location.hash = next;
    }, hash);
    await hour.pass(page, 15 * 60);
  }
  const growth = (await heap()) - before;
  told(context, "heap at first", Math.round(before / 1024), "KiB");
  told(context, "growth in an hour", Math.round(growth / 1024), "KiB");
  assert.ok(growth < MAX_GROWTH, `${growth} bytes`);
  await page.done();
  hour.end();
});

const STEP = 3.6;
const FIRST_PID = 7_000_000;

/**
 * The agent in simulated time: a snapshot each 3.6 seconds, each different from the last. Everything but the stream
 * comes from the real agent.
 */
async function simulated(agent) {
  const first = await agent.ask("api/v1/snapshot");
  let reader = null;
  let now = first.sampled_at;
  let sequence = first.sequence;
  const server = createServer(async (request, response) => {
    if (!request.url.endsWith("/stream")) return forward(agent, request, response);
    response.writeHead(200, { "Content-Type": "text/event-stream" });
    reader = response;
    return send();
  });
  const send = () => {
    sequence += 1;
    // An event a minute.
    if (sequence % 20 === 0) {
      reader?.write(`event: event\ndata: ${JSON.stringify(eventAt(first, sequence, now))}\n\n`);
    }
    const snapshot = JSON.stringify(snapshotAt(first, sequence, now));
    return new Promise(written =>
      reader?.write(`id: ${sequence}\nevent: snapshot\ndata: ${snapshot}\n\n`, written),
    );
  };
  await new Promise(listening => server.listen(0, "127.0.0.1", listening));
  return {
    url: `http://localhost:${server.address().port}/`,
    pass: async (page, seconds) => {
      for (let passed = 0; passed < seconds; passed += STEP) {
        now += STEP * 1000;
        await send();
        // One at a time: of several at once only the newest would be shown.
        await page.waitForFunction(
          pid => document.body.textContent.includes(pid),
          String(FIRST_PID + sequence),
        );
      }
    },
    end: () => {
      reader?.end();
      server.closeAllConnections();
      server.close();
    },
  };
}

async function forward(agent, request, response) {
  const answer = await fetch(agent.origin + request.url);
  const headers = Object.fromEntries(answer.headers);
  response.writeHead(answer.status, {
    "Content-Type": headers["content-type"] ?? "",
    "Content-Security-Policy": headers["content-security-policy"] ?? "",
  });
  response.end(Buffer.from(await answer.arrayBuffer()));
}

/** The first snapshot with other values, and with another process in place of one. */
function snapshotAt(first, sequence, now) {
  const gpus = first.gpus.map(each => ({
    ...each,
    read_at: now,
    utilization: { ...each.utilization, gpu_percent: sequence % 101 },
    power: { ...each.power, draw_watts: 100 + (sequence % 500) },
  }));
  const processes = first.processes.map((each, index) =>
    index === 0 ? { ...each, pid: FIRST_PID + sequence } : each,
  );
  return { ...first, sequence, sampled_at: now, gpus, processes };
}

const eventAt = (first, sequence, now) => ({
  at: now,
  kind: "xid",
  gpu_uuid: first.gpus[0].uuid,
  severity: "warning",
  code: "xid_94",
  text: `The ${sequence}th`,
  action: "",
});
