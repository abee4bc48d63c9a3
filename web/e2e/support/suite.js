// Browser and agent of a test file.
import { after } from "node:test";
import { launch, open } from "./browser.js";

/** A browser and, with `start`, an agent. Both end with the file. `at` opens a view of the agent. */
export async function suite(start = async () => undefined) {
  const browser = await launch();
  after(() => browser.close());
  const agent = await start();
  after(() => agent?.end());
  return { browser, agent, at: (hash, options) => open(browser, agent.url + hash, options) };
}
