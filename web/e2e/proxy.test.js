// Behind a real nginx: under a prefix, and several hosts side by side.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, before, describe, test } from "node:test";
import { Agent } from "./support/agent.js";
import { accessible, live, look, open, picture } from "./support/browser.js";
import { eventually } from "./support/eventually.js";
import { nginx } from "./support/nginx.js";
import { free, gpu, scenario } from "./support/scenario.js";
import { suite } from "./support/suite.js";

/** Console message of Chromium for failed requests. */
const REFUSED = ["Failed to load resource"];
const LOST = 15;

const { browser } = await suite();

describe("under the prefix /a/b", () => {
  for (const [how, own, behind] of [
    ["a prefix of the agent works", "/a/b", ""],
    ["a prefix that the proxy strips works", "", "/"],
  ]) {
    test(how, async () => {
      const agent = await Agent.start({ scenario: scenario([free(), gpu()]), prefix: own, token: "t" });
      const proxy = await nginx({ "/a/b/": `${agent.origin}${behind}` });
      const page = await open(browser, `${proxy.origin}/a/b/#/gpu/1?range=1h`, { expected: REFUSED });
      const asked = [];
      page.on("request", request => asked.push(request.url()));
      await page.getByLabel("Token").fill("t");
      await page.getByLabel("Token").press("Enter");
      await live(page);
      assert.equal(await page.locator(".status").innerText(), "live", "by the stream, through nginx");
      await page.locator("[data-chart=power] canvas").waitFor();
      await page.reload();
      await live(page);
      assert.equal(new URL(page.url()).pathname + new URL(page.url()).hash, "/a/b/#/gpu/1?range=1h");
      assert.deepEqual(
        asked.filter(url => !url.startsWith(`${proxy.origin}/a/b/`) && !url.startsWith("data:")),
        [],
        "all comes from there",
      );
      const keys = await page.evaluate(() => Object.keys(sessionStorage));
      assert.deepEqual(keys, ["nvidia-smi-web-agent:token:/a/b/"]);
      await page.done();
      await proxy.end();
      await agent.end();
    });
  }
});

describe("other hosts", () => {
  const agents = [];
  let proxy;

  before(async () => {
    const peers =
      "--peers=gpu01=/server1,gpu02=/server2,gpu03=/server3,gpu04=/server4,far=http://other.invalid/gpus/";
    const played = {
      server1: { scenario: scenario([free(), gpu()]), token: "secret-of-1" },
      server2: { scenario: scenario([free(), free(), gpu(), gpu({ errors: { "*": LOST } })]) },
      server3: { scenario: scenario([free()]) },
      server4: { scenario: scenario([free()]), token: "secret-of-4" },
    };
    const places = { "/page/": "http://127.0.0.1:1/" };
    for (const [name, options] of Object.entries(played)) {
      const agent = await Agent.start({ prefix: `/${name}`, args: [peers], ...options });
      agents.push(agent);
      places[`/${name}/`] = agent.origin;
    }
    proxy = await nginx(places);
  });
  after(async () => {
    await proxy?.end();
    for (const agent of agents) await agent.end();
  });

  test("peers show free GPUs, missing tokens and failures, and are links", async () => {
    const [, second, third] = agents;
    const page = await open(browser, `${proxy.origin}/server1/`, { expected: REFUSED });
    const asked = [];
    page.on("request", request => asked.push({ url: request.url(), headers: request.headers() }));
    await page.getByLabel("Token").fill("secret-of-1");
    await page.getByLabel("Token").press("Enter");
    await live(page);
    const host = name => page.getByRole("navigation", { name: "Hosts" }).getByRole("link", { name });
    await host("gpu01")
      .filter({ hasText: /1 free/ })
      .waitFor();
    assert.equal(await host("gpu01").getAttribute("aria-current"), "true");
    await host("gpu02")
      .filter({ hasText: /2 free.*1 busy.*1 in trouble/ })
      .waitFor();
    await host("gpu03")
      .filter({ hasText: /1 free/ })
      .waitFor();
    await host("gpu04").filter({ hasText: "token needed" }).waitFor();
    assert.equal(await host("far").getAttribute("href"), "http://other.invalid/gpus/");

    await third.stop();
    // The next poll would come by itself; showing the tab again polls at once.
    await again(page);
    await host("gpu03")
      .filter({ hasText: /unreachable since \d\d:\d\d:\d\d/ })
      .waitFor();
    await accessible(page, "the row of hosts");
    await picture(page, "hosts-light");

    const others = asked.filter(({ url }) => /\/server[234]\//.test(url));
    assert.ok(others.length >= 3);
    for (const { url, headers } of others) {
      assert.equal(headers.authorization, undefined, `${url} is not sent this agent's token`);
    }
    assert.ok(asked.some(({ headers }) => headers.authorization === "Bearer secret-of-1"));
    assert.ok(!asked.some(({ url }) => url.includes("other.invalid")), "what lies elsewhere is not asked");

    await third.restart();
    await again(page);
    await host("gpu03")
      .filter({ hasText: /1 free/ })
      .waitFor();

    await host("gpu02").click();
    await page.waitForURL(`${proxy.origin}/server2/`);
    await live(page);
    assert.equal(await page.locator("article.gpu").count(), 4);
    // This tab has signed in to it.
    await host("gpu01")
      .filter({ hasText: /1 free/ })
      .waitFor();
    const log = readFileSync(proxy.log, "utf8");
    assert.ok(!/secret-of/.test(log), "no token is in an address");
    assert.ok(!second.child.log.includes("gpu03"), "the agent asks nobody");
    await page.done();
  });

  test("a peer is asked with the token that is stored for its own path", async () => {
    const page = await open(browser, `${proxy.origin}/server2/healthz`, { expected: REFUSED });
    const store = (path, token) =>
      page.evaluate(
        ([path, token]) => localStorage.setItem(`nvidia-smi-web-agent:token:${path}`, token),
        [path, token],
      );
    await store("/server1/", "secret-of-1");
    await store("/server4/", "a-token-that-was-revoked");
    const asked = [];
    page.on("request", request => asked.push({ url: request.url(), headers: request.headers() }));
    await page.goto(`${proxy.origin}/server2/`);
    await live(page);
    const host = name => page.getByRole("navigation", { name: "Hosts" }).getByRole("link", { name });
    await host("gpu01")
      .filter({ hasText: /1 free.*1 busy/ })
      .waitFor();
    await host("gpu04").filter({ hasText: "token needed" }).waitFor();
    const sent = path =>
      asked.filter(({ url }) => url.includes(`${path}api/`)).map(({ headers }) => headers.authorization);
    assert.ok(sent("/server1/").every(token => token === "Bearer secret-of-1"));
    assert.ok(sent("/server3/").every(token => token === undefined));
    assert.deepEqual(
      sent("/server4/"),
      ["Bearer a-token-that-was-revoked", undefined],
      "refused, then without",
    );
    await again(page);
    await eventually("the next question", () => sent("/server4/").length === 3);
    assert.equal(sent("/server4/")[2], undefined, "a refused token is not sent again");
    await page.done();
  });

  test("peers are polled every ten seconds while visible", async () => {
    const page = await open(browser, `${proxy.origin}/server2/`, { expected: REFUSED });
    await live(page);
    let asked = 0;
    page.on("request", request => {
      if (request.url().endsWith("/server3/api/v1/summary")) asked += 1;
    });
    const before = performance.now();
    await eventually("the next question", () => asked === 1);
    await look(page, "hidden");
    await look(page, "visible");
    await eventually("one more", () => asked === 2);
    assert.ok(performance.now() - before < 14_000);
    // Views that do not show peers do not poll them.
    await page.goto(`${proxy.origin}/server2/#/users`);
    await page.getByRole("heading", { name: "Users" }).waitFor();
    assert.equal(await page.getByRole("navigation", { name: "Hosts" }).count(), 0);
    await page.done();
  });
});

async function again(page) {
  await look(page, "hidden");
  await look(page, "visible");
}
