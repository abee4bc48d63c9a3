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

/** Opens the reference and signs in, which needs one answer of 401. */
async function reference(options = {}) {
  const page = await open(browser, `${agent.url}docs`, { expected: ["401"], ...options });
  await page.getByLabel("This agent requires a token.").fill("wrong");
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByLabel("This agent requires a token.").fill("changeme");
  await page.getByRole("button", { name: "Sign in" }).click();
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

test("the reference fits a phone", async () => {
  const page = await reference({ viewport: PHONE });
  const [width, inner] = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
  assert.ok(width <= inner, `${width} px of ${inner}`);
  await accessible(page, "reference on a phone");
  await picture(page, "docs-phone");
  await page.done();
});
