// The real hub, with real agents on the simulated driver.
import assert from "node:assert/strict";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { Agent, BINARIES, freePort, start } from "./support/agent.js";
import { accessible, live, open } from "./support/browser.js";
import { eventually } from "./support/eventually.js";
import { demo } from "./support/host.js";
import { free, scenario } from "./support/scenario.js";
import { suite } from "./support/suite.js";

const AGENT_TOKEN = "the-agents-own-word";
const VIEWER_TOKEN = "the-viewers-own-word";

const { browser } = await suite();
const agents = {};
let hub;

/** A running hub of these targets, each an address and its labels. */
async function startHub(targets) {
  const folder = mkdtempSync(join(tmpdir(), "e2e-hub-"));
  const file = (name, text) => {
    const path = join(folder, name);
    writeFileSync(path, text);
    chmodSync(path, 0o600);
    return path;
  };
  const list = targets.map(([port, labels]) => ({ targets: [`127.0.0.1:${port}`], labels }));
  const port = await freePort();
  const run = () =>
    start(
      join(BINARIES, "nvidia-smi-web-agent"),
      [
        "hub",
        `--hosts=${file("hosts.json", JSON.stringify(list))}`,
        `--agent-token-file=${file("agents", `${AGENT_TOKEN}\n`)}`,
        `--token-file=${file("tokens", `viewer read ${VIEWER_TOKEN}\n`)}`,
        `--port=${port}`,
        "--bind=127.0.0.1",
      ],
      { cwd: folder, env: { PATH: "/usr/bin:/bin" } },
    );
  const running = { url: `http://localhost:${port}/`, child: run() };
  const ready = async () => {
    await eventually("the hub to serve", async () => {
      if (running.child.exitCode !== null) throw new Error(running.child.log);
      return (await fetch(`${running.url}healthz`)).ok;
    });
  };
  await ready();
  running.restart = async () => {
    running.child.kill("SIGKILL");
    await running.child.ended;
    running.child = run();
    await ready();
  };
  running.end = async () => {
    running.child.kill("SIGKILL");
    await running.child.ended;
    rmSync(folder, { recursive: true, force: true });
  };
  return running;
}

before(async () => {
  agents.gpu01 = await demo({ token: AGENT_TOKEN, interval: "1s" });
  // GPUs of its own: those with a UUID of two hosts are never offered.
  agents.gpu02 = await Agent.start({
    scenario: scenario([free(), free()]),
    token: AGENT_TOKEN,
    interval: "1s",
  });
  const nobody = await freePort();
  hub = await startHub([
    [agents.gpu01.port, { name: "gpu01", rack: "a1" }],
    [agents.gpu02.port, { name: "gpu02", rack: "a2" }],
    [nobody, { name: "gpu03", rack: "a2" }],
  ]);
});
after(async () => {
  await hub?.end();
  for (const agent of Object.values(agents)) await agent.end();
});

const row = (page, name) => page.locator(`[data-host="${name}"]`);

async function signIn(page) {
  await page.getByLabel("Token").fill(VIEWER_TOKEN);
  await page.getByRole("button", { name: "Sign in" }).click();
  await live(page);
}

test("hosts are live, and one that does not answer has a reason", async () => {
  const page = await open(browser, hub.url, { expected: ["401"] });
  await signIn(page);
  await row(page, "gpu01").locator(".cell[data-status=busy]").first().waitFor();
  assert.equal(await row(page, "gpu01").locator(".cell").count(), 8);
  await row(page, "gpu03")
    .getByText(/unreachable/)
    .first()
    .waitFor();
  assert.equal(await row(page, "gpu03").locator(".cell").count(), 0);
  await page.getByRole("searchbox").fill("rack:a1 free>=1 model:h200");
  await eventually("one host", async () => (await page.locator("tbody [data-host]").count()) === 1);
  await accessible(page, "the hosts");
  await page.done();
});

test("find offers a free GPU", async () => {
  const page = await open(browser, `${hub.url}#/find?count=1&memory=40`, { expected: ["401", "400"] });
  await signIn(page);
  await page.getByRole("button", { name: /^ssh / }).first().waitFor();
  await page.getByLabel("Number").fill("40");
  await page.getByText("No host has 40 GPUs with 40 GiB free now.").waitFor();
  await page.getByLabel("Free memory of each, in GiB").fill("lots");
  await page.getByRole("alert").waitFor();
  await page.done();
});

test("a host's page is live under the hub, with the hub's token, and leads back", async () => {
  const page = await open(browser, hub.url, { expected: ["401"] });
  const sent = [];
  page.on("request", request => sent.push(request));
  await signIn(page);
  await row(page, "gpu01").getByRole("link", { name: "gpu01" }).click();
  await live(page);
  await page.locator("article.gpu").first().waitFor();
  assert.match(await page.title(), / gpu01$| gpu01 · /);
  await page.getByRole("link", { name: "Processes" }).click();
  await page.getByText("train.py").first().waitFor();
  for (const request of sent) {
    const token = (await request.allHeaders())["authorization"];
    assert.ok(token === undefined || token === `Bearer ${VIEWER_TOKEN}`, request.url());
  }
  await page.getByRole("link", { name: "fleet" }).click();
  await live(page);
  await row(page, "gpu01").waitFor();
  await page.done();
});

test("an agent that dies is unreachable, never free, and comes back by itself", async () => {
  const page = await open(browser, hub.url, { expected: ["401"] });
  await signIn(page);
  await row(page, "gpu02").locator(".cell").first().waitFor();
  await agents.gpu02.stop("SIGKILL");
  await row(page, "gpu02")
    .getByText(/unreachable|stale/)
    .first()
    .waitFor();
  const states = await row(page, "gpu02")
    .locator(".cell")
    .evaluateAll(cells => cells.map(cell => cell.dataset.status));
  assert.ok(!states.includes("free"), states.join());
  await agents.gpu02.restart();
  await row(page, "gpu02")
    .locator(".cell:is([data-status=free], [data-status=busy])")
    .first()
    .waitFor({ timeout: 30_000 });
  await page.done();
});

test("a hub that restarts is followed again", async () => {
  const page = await open(browser, hub.url, { expected: ["401", "ERR_", "Failed to load"] });
  await signIn(page);
  await hub.restart();
  await eventually("the hosts", async () => (await row(page, "gpu01").locator(".cell").count()) === 8);
  await live(page);
  await page.done();
});
