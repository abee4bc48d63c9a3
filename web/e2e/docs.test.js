// The API reference at /docs.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { Agent } from "./support/agent.js";
import { accessible, launch, open, PHONE, picture } from "./support/browser.js";
import { gpu, scenario } from "./support/scenario.js";

let browser;
let agent;

before(async () => {
  browser = await launch();
  agent = await Agent.start({ scenario: scenario([gpu()]), token: "changeme" });
});
after(async () => {
  await browser?.close();
  await agent?.end();
});

const field = page => page.getByLabel("This agent requires a token.");

async function send(page, token) {
  await field(page).fill(token);
  await page.getByRole("button", { name: "Sign in" }).click();
}

/** Opens the reference and signs in, which needs one answer of 401. `hash` is a target that the document may lack. */
async function reference({ hash = "", ...options } = {}) {
  const page = await open(browser, `${agent.url}docs${hash}`, { expected: ["401"], ...options });
  await send(page, "wrong");
  await page.getByRole("alert").getByText("The agent refuses this token.").waitFor();
  await send(page, "changeme");
  await page.locator("#getHistory").waitFor();
  return page;
}

for (const scheme of ["light", "dark"]) {
  test(`the reference shows every operation, accessibly, ${scheme}`, async () => {
    const page = await reference({ colorScheme: scheme });
    const document = await page.evaluate(async () => {
      const response = await fetch("openapi.json", { headers: { Authorization: "Bearer changeme" } });
      return response.json();
    });
    for (const [path, { get }] of Object.entries(document.paths)) {
      const article = page.locator(`#${get.operationId}`);
      assert.ok((await article.locator("h3").innerText()).includes(path), path);
      for (const { name } of get.parameters ?? []) {
        await article.getByRole("rowheader", { name: new RegExp(`^${name}( required)?$`) }).waitFor();
      }
    }
    assert.ok((await page.locator("#getHistory pre").first().innerText()).includes("$TOKEN"));
    await accessible(page, `reference, ${scheme}`);
    await picture(page, `docs-${scheme}`);
    await page.done();
  });
}

test("a token that is refused leaves the one that this browser keeps", async () => {
  const key = "nvidia-smi-web-agent:token:/";
  const page = await open(browser, `${agent.url}healthz`, { expected: ["401"] });
  await page.evaluate(key => localStorage.setItem(key, "revoked"), key);
  await page.goto(`${agent.url}docs`);
  const alert = page.getByRole("alert");
  await alert.getByText("The agent refuses this token.").waitFor();
  await send(page, "");
  await alert.getByText("Enter the token.").waitFor();
  await send(page, "a\u0001b");
  await alert.getByText("A token has no control characters.").waitFor();
  await accessible(page, "a refused token");
  const stored = () => page.evaluate(key => [localStorage.getItem(key), sessionStorage.getItem(key)], key);
  assert.deepEqual(await stored(), ["revoked", null]);
  await send(page, "changeme");
  await page.locator("#getHistory").waitFor();
  assert.deepEqual(await stored(), [null, "changeme"]);
  await page.done();
});

test("a target that is no encoded text leaves the reference", async () => {
  const page = await reference({ hash: "#%" });
  assert.equal(await page.getByRole("alert").count(), 0);
  await page.done();
});

test("the reference fits a phone", async () => {
  const page = await reference({ viewport: PHONE });
  const [width, inner] = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
  assert.ok(width <= inner, `${width} px of ${inner}`);
  await accessible(page, "reference on a phone");
  await picture(page, "docs-phone");
  await page.done();
});
