// The page in a frame of another site.
import { createServer } from "node:http";
import { after, test } from "node:test";
import { Agent } from "./support/agent.js";
import { open } from "./support/browser.js";
import { eventually } from "./support/eventually.js";
import { free, scenario } from "./support/scenario.js";
import { suite } from "./support/suite.js";

const { browser } = await suite();
let embedded = "";
const site = createServer((_, response) => {
  response.writeHead(200, { "Content-Type": "text/html" });
  response.end(`<!doctype html><title>Wiki</title><iframe title="GPUs" src="${embedded}"></iframe>`);
});
await new Promise(listening => site.listen(0, "127.0.0.1", listening));
const origin = `http://127.0.0.1:${site.address().port}`;
after(() => site.close());

test("a site that --frame-ancestors names shows the page, another does not", async () => {
  const played = scenario([free()]);
  const named = await Agent.start({
    scenario: played,
    args: [`--frame-ancestors=https://other.example,${origin}`],
  });
  const other = await Agent.start({ scenario: played, args: ["--frame-ancestors=https://other.example"] });
  embedded = named.url;
  const page = await open(browser, origin, { expected: ["favicon.ico"] });
  await page.frameLocator("iframe").locator(".status[data-state=live]").waitFor();
  await page.done();
  embedded = other.url;
  const refused = await open(browser, "about:blank", { expected: ["frame-ancestors", "favicon.ico"] });
  const told = [];
  refused.on("console", message => told.push(message.text()));
  await refused.goto(origin);
  await eventually("the refusal", () => told.some(text => text.includes("frame-ancestors")));
  await refused.done();
  await named.end();
  await other.end();
});
