// Makes the picture of the fleet page in docs/images from `make demo-fleet`: see scripts/images.
import { spawn } from "node:child_process";
import { mkdirSync, statSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { BINARIES, freePort, ROOT } from "./support/agent.js";
import { launch, live, open } from "./support/browser.js";

const LARGEST = 150_000;

const port = await freePort();
const demo = spawn(join(ROOT, "scripts/demo-fleet"), {
  env: {
    ...process.env,
    CARGO_TARGET_DIR: dirname(BINARIES),
    BUILD: basename(BINARIES),
    PORT: String(port),
    AGENT_PORT: "18200",
  },
  stdio: "ignore",
});
const url = `http://localhost:${port}/`;
try {
  // A notebook counts as held after half a minute.
  for (let held = 0, seconds = 0; held < 3; seconds++) {
    if (seconds > 120) throw new Error("expected three GPUs that are held: is the demo running?");
    await new Promise(over => setTimeout(over, 1000));
    const fleet = await fetch(`${url}api/v1/fleet`).then(
      answer => answer.json(),
      () => undefined,
    );
    held = fleet?.totals?.gpus.held ?? 0;
  }
  const browser = await launch();
  const page = await open(browser, url, { viewport: { width: 1280, height: 750 }, colorScheme: "light" });
  await live(page);
  await page.getByText("gpu06").first().waitFor();
  mkdirSync(join(ROOT, "docs/images"), { recursive: true });
  const path = join(ROOT, "docs/images/fleet.png");
  await page.screenshot({ path });
  await page.done();
  await browser.close();
  const { size } = statSync(path);
  process.stdout.write(`docs/images/fleet.png: ${Math.round(size / 1000)} kB\n`);
  if (size > LARGEST) throw new Error(`${path} has more than ${LARGEST} bytes: show less on it`);
} finally {
  demo.kill("SIGTERM");
}
process.exit();
