// Signing in to an agent whose page is also visible without a token.
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { Agent } from "./support/agent.js";
import { accessible, live, open, PHONE, picture } from "./support/browser.js";
import { free, gpu, rows, scenario } from "./support/scenario.js";
import { suite } from "./support/suite.js";

const REFUSED = ["Failed to load resource"];
const TOKEN = "the-right-token-of-this-host";
const { browser } = await suite();
const agent = await Agent.start({
  scenario: scenario([gpu({ process: rows(4_100_000, 2) }), free()]),
  token: TOKEN,
  args: ["--anonymous=summary"],
});
after(() => agent.end());

const signIn = page => page.locator("header").getByRole("button", { name: "Sign in" });

test("a page without names takes a token, and a wrong one can be dropped", async () => {
  const page = await open(browser, agent.url, { expected: REFUSED });
  await live(page);
  await page.getByText("Names are hidden.").waitFor();
  await signIn(page).click();
  const field = page.getByLabel("Token", { exact: true });
  await field.waitFor();
  assert.equal(
    await field.evaluate(input => input === document.activeElement),
    true,
    "the field has the focus",
  );
  await accessible(page, "the form for a token");
  await picture(page, "sign-in-light");
  await field.fill("a-wrong-token-of-another-host");
  await field.press("Enter");
  await page.getByText("The agent refuses this token.").waitFor();
  await page.getByRole("button", { name: "Continue without a token" }).click();
  await live(page);
  await signIn(page).click();
  await field.fill(TOKEN);
  await field.press("Enter");
  await signIn(page).waitFor({ state: "hidden" });
  await live(page);
  assert.equal(await page.getByText("Names are hidden.").count(), 0);
  assert.equal(await page.locator("[data-reason=hidden]").count(), 0);
  await page.done();
});

test("a stored token that is refused leaves a way to the page", async () => {
  const page = await open(browser, `${agent.url}healthz`, { expected: REFUSED });
  await page.evaluate(() => localStorage.setItem("nvidia-smi-web-agent:token:/", "a-token-that-was-revoked"));
  await page.goto(agent.url);
  await page.getByText("The agent refuses this token.").waitFor();
  await page.getByRole("button", { name: "Continue without a token" }).click();
  await live(page);
  await page.reload();
  await live(page);
  await page.done();
});

test("a narrow phone has room for the sign-in", async () => {
  for (const width of [320, PHONE.width]) {
    const page = await open(browser, agent.url, {
      viewport: { width, height: 700 },
      isMobile: true,
      hasTouch: true,
    });
    await live(page);
    await signIn(page).waitFor();
    const sideways = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
    assert.ok(sideways <= 0, `${sideways} pixels too wide at ${width}`);
    await page.done();
  }
});
