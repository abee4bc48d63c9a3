// Missing values, GPUs, drivers, agents and tokens.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import { Agent, BINARIES, standIn } from "./support/agent.js";
import { accessible, live, open, picture } from "./support/browser.js";
import { eventually } from "./support/eventually.js";
import { free, gpu, rows, scenario } from "./support/scenario.js";
import { suite } from "./support/suite.js";

const { browser } = await suite();

/** Console message of Chromium for failed requests. */
const REFUSED = ["Failed to load resource"];

/** NVML's return codes. */
const [NO_PERMISSION, DRIVER_NOT_LOADED, LOST, UNKNOWN] = [4, 9, 15, 999];

describe("an absent value has its reason on hover and focus", () => {
  const kinds = [
    [
      "not_supported",
      scenario([free({ memory_temperature_c: undefined })]),
      "Not supported by this GPU or driver.",
    ],
    [
      "denied",
      scenario([free({ errors: { nvmlDeviceGetPowerUsage: NO_PERMISSION } })]),
      "The agent has no permission to read this.",
    ],
    ["error", scenario([free({ errors: { nvmlDeviceGetPowerUsage: UNKNOWN } })]), "Reading failed."],
    ["lost", scenario([free(), free({ errors: { "*": LOST } })]), "The GPU no longer answers."],
    [
      "timeout",
      scenario([free(), free()], { faults: [{ function: "nvmlDeviceGetPowerUsage", gpu: 1, hang: true }] }),
      "No answer yet.",
    ],
  ];
  for (const [reason, played, text] of kinds) {
    test(reason, async () => {
      const agent = await Agent.start({ scenario: played });
      const { gpus } = await agent.until(`something ${reason}`, snapshot =>
        snapshot.gpus.some(({ absent }) => Object.values(absent).includes(reason)),
      );
      await says(agent, `#/gpu/${gpus.length - 1}`, reason, text);
      await agent.end();
    });
  }

  test("asleep", async () => {
    const agent = await Agent.start({ scenario: scenario([free()]), ready: false });
    await agent.stop();
    const power = join(agent.folder, "sys/bus/pci/devices/0000:1b:00.0/power");
    mkdirSync(power, { recursive: true });
    writeFileSync(join(power, "control"), "auto\n");
    writeFileSync(join(power, "runtime_status"), "active\n");
    agent.play(scenario([free({ pci_bus_id: "00000000:1B:00.0" })]));
    agent.env = { NVSMI_SLEEP_AFTER: "1s", NVSMI_SYS_ROOT: join(agent.folder, "sys") };
    await agent.restart();
    await agent.until("it to be closed", ({ gpus }) => gpus[0]?.state === "asleep");
    writeFileSync(join(power, "runtime_status"), "suspended\n");
    await says(agent, "", "asleep", "The GPU is asleep, and the agent does not wake it.");
    await agent.end();
  });

  test("hidden", async () => {
    const mark = `mark-${process.pid}`;
    const agent = await Agent.start({
      scenario: scenario([gpu({ process: [{ command: mark, memory_bytes: 2 ** 31 }] })]),
      args: ["--commands=hidden"],
    });
    standIn(agent.folder, "python", [mark]);
    await agent.until("the process", ({ processes }) => processes.length === 1);
    const page = await open(browser, `${agent.url}#/processes`);
    await page.locator(".absent[data-reason=hidden]").first().waitFor();
    assert.equal(await page.getByText(mark).count(), 0);
    await page.done();
    await agent.end();
  });

  async function says(agent, hash, reason, text) {
    const page = await open(browser, agent.url + hash);
    const first = page.locator(`.absent[data-reason=${reason}][tabindex]`).first();
    const tooltip = page.locator(".tooltip");
    await first.hover();
    await tooltip.filter({ hasText: text }).waitFor();
    await page.mouse.move(0, 0);
    await tooltip.waitFor({ state: "hidden" });
    // By keyboard, since tooltips only open for visible focus.
    await page.keyboard.press("Tab");
    await first.focus();
    await tooltip.filter({ hasText: text }).waitFor();
    await page.keyboard.press("Escape");
    await tooltip.waitFor({ state: "hidden" });
    assert.doesNotMatch(await first.innerText(), /\d/, "no number for an unread value");
    await page.done();
  }
});

describe("a GPU", () => {
  const three = [free(), gpu(), gpu()];

  test("that hangs turns stale with its last values, and recovers", async () => {
    const agent = await Agent.start({ scenario: scenario(three) });
    const page = await open(browser, agent.url);
    const card = page.locator("article.gpu").nth(1);
    await card.getByText("600").or(card.getByText("60.0")).first().waitFor();
    agent.play(scenario(three, { faults: [{ function: "nvmlDeviceGetPowerUsage", gpu: 1, hang: true }] }));
    await card.locator(".pill[data-status=stale]").waitFor();
    await card.getByText(/60\.0/).waitFor();
    await page.locator("article.gpu").nth(2).locator(".pill[data-status=busy]").waitFor();
    await picture(page, "stale-light");
    agent.play(scenario(three));
    await card.locator(".pill[data-status=busy]").waitFor();
    await page.done();
    await agent.end();
  });

  test("that falls off the bus is lost with its last values, and its chart ends", async () => {
    const agent = await Agent.start({ scenario: scenario(three) });
    const page = await open(browser, `${agent.url}#/gpu/1`);
    const power = page.locator("[data-chart=power]");
    await power.getByText(/draw \d+/).waitFor();
    agent.play(scenario([free(), gpu({ errors: { "*": LOST } }), gpu()]));
    await page.locator(".pill[data-status=lost]").waitFor();
    await page.getByText("Fallen off the bus.").first().waitFor();
    await page.locator("[data-old=true]").first().waitFor();
    await page.locator(".hero .memory").getByText(/60\.0/).waitFor();
    await power.locator(".legend .absent[data-reason=lost]").waitFor();
    await page.getByText("It is unknown whether a process uses this GPU.").waitFor();
    // Announced once to screen readers, and counted as new.
    await page.getByRole("status").filter({ hasText: "GPU 1 lost" }).waitFor();
    await page.locator(".badge").waitFor();
    await accessible(page, "a lost GPU");
    await picture(page, "lost-light");
    await page.goto(agent.url);
    await page.locator("article.gpu").nth(1).locator(".pill[data-status=lost]").waitFor();
    await page.goto(`${agent.url}#/events`);
    await page
      .getByText(/lost|fallen/i)
      .first()
      .waitFor();
    await page.done();
    await agent.end();
  });

  test("that fell off the bus is greyed among its users, whatever the new indices", async () => {
    const mark = row => ({ process: [{ first_pid: 4_300_000 + row, count: 1, memory_bytes: 2 ** 31 }] });
    const agent = await Agent.start({ scenario: scenario([free(), gpu(mark(1)), gpu(mark(2))]) });
    await agent.until("the processes", ({ processes }) => processes.length === 2);
    const page = await open(browser, `${agent.url}#/users`);
    await page.locator("table.users tbody tr").first().waitFor();
    agent.play(scenario([free(), gpu({ ...mark(1), errors: { "*": LOST } }), gpu(mark(2))]));
    const past = page.locator("table.users tr.past");
    await past.filter({ hasText: /\d+.*ago/ }).waitFor();
    assert.match(await past.locator(".gpu-link").innerText(), /1$/);
    await page.goto(`${agent.url}#/processes`);
    const row = page.locator("table.processes tbody tr.past");
    await row.waitFor();
    assert.equal(await row.locator("td[data-column=gpu]").innerText(), "1");
    await page.done();
    await agent.end();
  });

  test("that was lost at first has no number and no bar", async () => {
    const agent = await Agent.start({ scenario: scenario([free(), gpu({ errors: { "*": LOST } })]) });
    const page = await open(browser, agent.url);
    const card = page.locator("article.gpu").nth(1);
    await card.locator(".pill[data-status=lost]").waitFor();
    assert.equal(await card.locator(".bar i, .meter i").count(), 0);
    assert.doesNotMatch((await card.innerText()).replaceAll("GPU 1", ""), /\d\s*(%|W|°C|GiB)/);
    await page.done();
    await agent.end();
  });
});

const driverBanner = page => page.locator(".banners").getByText("The driver cannot be read.");

describe("the driver", () => {
  test("that is missing is reported with its message, and appears by itself", async () => {
    const agent = await Agent.start({
      scenario: scenario([free()], { init: DRIVER_NOT_LOADED }),
      ready: false,
    });
    const page = await open(browser, agent.url);
    await driverBanner(page).waitFor();
    await page
      .locator(".banners")
      .getByText(/Driver Not Loaded/i)
      .waitFor();
    for (const name of ["Driver", "CUDA"]) {
      const version = page.locator(".facts > div", { hasText: new RegExp(`^${name}`) }).locator(".absent");
      assert.match(await version.innerText(), /^–/, `${name} is no error of its own`);
      assert.match(await version.getAttribute("data-tooltip"), /^The driver cannot be read\. .*not loaded/i);
    }
    await accessible(page, "no driver");
    await picture(page, "no-driver-light");
    agent.play(scenario([free()]));
    await driverBanner(page).waitFor({ state: "hidden" });
    await page.locator(".pill[data-status=free]").waitFor();
    await page.done();
    await agent.end();
  });

  test("that is unloaded leaves the last values, greyed, with their age", async () => {
    const agent = await Agent.start({ scenario: scenario([free(), gpu()]) });
    const page = await open(browser, agent.url);
    await page.locator(".pill[data-status=busy]").waitFor();
    agent.play(scenario([free(), gpu()], { init: DRIVER_NOT_LOADED }));
    // The process that loaded the driver exits, and the next finds none.
    process.kill(agent.collector(), "SIGKILL");
    await driverBanner(page).waitFor();
    const cards = page.locator("article.gpu[data-old=true]");
    await eventually("both, as they were", async () => (await cards.count()) === 2);
    await cards.nth(1).getByText(/60\.0/).waitFor();
    await cards
      .nth(1)
      .getByText(/Values are \d+/)
      .waitFor();
    await page.locator(".facts", { hasText: /Collector\s*no driver/ }).waitFor();
    await page.done();
    await agent.end();
  });

  test("that was released is reported", async () => {
    const agent = await Agent.start({ scenario: scenario([free(), free()]), ready: false });
    await agent.stop();
    const socket = join(agent.folder, "control.sock");
    agent.env = { NVSMI_CONTROL_SOCKET: socket };
    await agent.restart();
    await agent.until("it to read the driver", ({ collector }) => collector.state === "ok");
    const page = await open(browser, agent.url);
    await live(page);
    const order = (...args) => {
      const program = join(BINARIES, "nvidia-smi-web-agent");
      const { status, stderr } = spawnSync(program, [...args, "--control-socket", socket], {
        encoding: "utf8",
      });
      assert.equal(status, 0, stderr);
    };
    order("release", "--for", "10m");
    await page.getByText("An administrator has released the driver.").waitFor();
    assert.equal(await page.locator("article.gpu").count(), 2, "what was known stays");
    assert.doesNotMatch(await page.locator(".counts").innerText(), /trouble/, "and is no trouble");
    order("resume");
    await page.getByText("An administrator has released the driver.").waitFor({ state: "hidden" });
    await page.done();
    await agent.end();
  });
});

describe("the agent", () => {
  test("that stops is reported, and the page resumes with it", async () => {
    const agent = await Agent.start({ scenario: scenario([free(), gpu()]) });
    const page = await open(browser, agent.url, { expected: [...REFUSED, "ERR_"] });
    await live(page);
    await agent.stop("SIGKILL");
    await page.getByText("The agent does not answer.").waitFor();
    assert.equal(await page.locator("article.gpu").count(), 2);
    assert.equal(await page.locator("main.old").count(), 1, "what is old looks so");
    await picture(page, "unreachable-light");
    await agent.restart();
    await live(page);
    await page.getByText("The agent does not answer.").waitFor({ state: "hidden" });
    // The restarted agent's sequence begins at 1 again.
    const { sequence } = await agent.ask("api/v1/snapshot");
    await agent.until("more", snapshot => snapshot.sequence > sequence + 2);
    assert.equal(await page.locator("main.old").count(), 0);
    await page.done();
    await agent.end();
  });

  test("that sends nothing is late, then unreachable, and resumes", async () => {
    const agent = await Agent.start({ scenario: scenario([free(), gpu()]) });
    const page = await open(browser, agent.url, { expected: [...REFUSED, "ERR_"] });
    await live(page);
    agent.child.kill("SIGSTOP");
    await page.getByText("No new values.").waitFor();
    assert.equal(await page.locator("main.old").count(), 1);
    await page.locator(".status[data-state=late]", { hasText: /late, \d+\s*s old/ }).waitFor();
    await page.getByText(/Values are \d+\s*s old/).waitFor();
    assert.match(await page.title(), /^late · /);
    agent.child.kill("SIGCONT");
    await live(page);
    await page.getByText("No new values.").waitFor({ state: "hidden" });
    await page.done();
    await agent.end();
  });

  test("whose stream is buffered is polled, and peers are loaded once", async () => {
    const agent = await Agent.start({ scenario: scenario([free()]), args: ["--peers=gpu02=/server2"] });
    const page = await open(browser, "about:blank", { expected: REFUSED });
    let peers = 0;
    let polls = 0;
    page.on("request", request => {
      if (request.url().endsWith("/peers")) peers += 1;
      if (request.url().endsWith("/snapshot")) polls += 1;
    });
    await page.route("**/api/v1/stream", () => {});
    await page.goto(agent.url);
    await live(page);
    await eventually("some polls", () => polls >= 5);
    assert.equal(peers, 1);
    await page.done();
    await agent.end();
  });

  test("that never answered is reported", async () => {
    const agent = await Agent.start({ scenario: scenario([free()]) });
    const page = await open(browser, agent.url, { expected: [...REFUSED, "ERR_"] });
    await live(page);
    await page.route("**/api/v1/**", route => route.abort("connectionrefused"));
    await page.reload();
    await page.getByText("The agent does not answer").waitFor();
    await page.unroute("**/api/v1/**");
    await live(page);
    await page.done();
    await agent.end();
  });
});

describe("a token", () => {
  test("is requested, refused if wrong, and kept for the tab", async () => {
    const agent = await Agent.start({ scenario: scenario([free()]), token: "right" });
    const page = await open(browser, agent.url, { expected: REFUSED });
    const field = page.getByLabel("Token");
    await field.waitFor();
    assert.equal(
      await page.evaluate(() => document.activeElement.id),
      "token",
      "the first field is the token",
    );
    await accessible(page, "the form for the token");
    await picture(page, "token-light");
    await field.fill("wrong");
    await field.press("Enter");
    await page.getByRole("alert").filter({ hasText: "refuses this token" }).waitFor();
    await field.fill("right");
    await field.press("Enter");
    await live(page);
    assert.deepEqual(await page.evaluate(() => [localStorage.length, sessionStorage.length]), [0, 1]);
    await page.reload();
    await live(page);
    await page.done();
    await agent.end();
  });

  test("of too narrow a scope is refused with its reason, and not stored", async () => {
    const folder = mkdtempSync(join(tmpdir(), "e2e-tokens-"));
    const file = join(folder, "tokens");
    writeFileSync(file, "scraper metrics metrics-0123456789abcdef\nme read read-0123456789abcdef\n", {
      mode: 0o600,
    });
    const agent = await Agent.start({
      scenario: scenario([free()]),
      args: [`--token-file=${file}`],
      token: "read-0123456789abcdef",
      env: { TOKEN: "" },
    });
    const page = await open(browser, agent.url, { expected: REFUSED });
    const field = page.getByLabel("Token");
    for (const [given, words] of [
      ["metrics-0123456789abcdef", "This token is only for /metrics."],
      ["“quoted”-0123456789", "The agent refuses this token."],
    ]) {
      await field.fill(given);
      await field.press("Enter");
      await page.getByRole("alert").filter({ hasText: words }).waitFor();
      await page.reload();
      await field.waitFor();
    }
    await field.fill("read-0123456789abcdef");
    await field.press("Enter");
    await live(page);
    await page.getByRole("button", { name: "Settings" }).click();
    await page.getByRole("button", { name: "Sign out" }).click();
    await field.waitFor();
    assert.equal(await page.locator("article.gpu, .hero").count(), 0, "what it opened goes with it");
    await page.done();
    await agent.end();
    rmSync(folder, { recursive: true });
  });

  test("can be replaced while the agent fails", async () => {
    const agent = await Agent.start({ scenario: scenario([free()]), token: "right" });
    const page = await open(browser, agent.url, { expected: [...REFUSED, "ERR_"] });
    await page.getByLabel("Token").fill("right");
    await page.getByLabel("Token").press("Enter");
    await live(page);
    await page.route("**/api/v1/**", route => route.fulfill({ status: 500, body: "" }));
    await page.reload();
    await page.getByText("The agent failed.").waitFor();
    await page.getByRole("button", { name: "Enter another token" }).click();
    await page.getByLabel("Token").fill("right");
    await page.unroute("**/api/v1/**");
    await page.getByLabel("Token").press("Enter");
    await live(page);
    await page.done();
    await agent.end();
  });

  test("that changes is requested again, and the last values stay", async () => {
    const agent = await Agent.start({ scenario: scenario([free(), gpu()]), token: "old" });
    const page = await open(browser, agent.url, { expected: [...REFUSED, "ERR_"] });
    await page.getByLabel("Token").fill("old");
    await page.getByRole("checkbox").check();
    await page.getByRole("button", { name: "Sign in" }).click();
    await live(page);
    assert.equal(await page.evaluate(() => localStorage.length), 1, "kept in the browser, as was chosen");
    await agent.stop();
    agent.token = "new";
    await agent.restart();
    await page.getByText("The agent refuses this token.").waitFor();
    assert.equal(await page.locator("article.gpu").count(), 2);
    await page.getByLabel("Token").fill("new");
    await page.getByLabel("Token").press("Enter");
    await live(page);
    await page.done();
    await agent.end();
  });
});

test("16 GPUs with 200 processes are shown, and fit", async () => {
  const gpus = Array.from({ length: 16 }, (_, index) =>
    index < 12 ? gpu({ process: rows(4_000_000 + index * 100, index < 8 ? 17 : 16) }) : free(),
  );
  const agent = await Agent.start({ scenario: scenario(gpus) });
  await agent.until("all processes", ({ processes }) => processes.length === 200);
  const page = await open(browser, agent.url, { viewport: { width: 1440, height: 900 } });
  await page.locator("article.gpu").nth(15).waitFor();
  assert.equal(await page.locator("article.gpu").count(), 16);
  await page.locator(".many", { hasText: /200/ }).waitFor();
  assert.equal(
    await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth),
    true,
    "no sideways scroll",
  );
  await picture(page, "16-gpus-light");
  await page.goto(`${agent.url}#/processes`);
  const all = page.locator("table tbody tr");
  await eventually("every row", async () => (await all.count()) >= 100);
  await page.done();
  await agent.end();
});
