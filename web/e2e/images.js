// Makes the pictures of docs/images: see scripts/images.
import { chmodSync, mkdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { Agent, known, ROOT, standIn } from "./support/agent.js";
import { launch, live, open } from "./support/browser.js";

/** Minutes of history in the charts. */
const MINUTES = Number(process.env.IMAGES_MINUTES ?? 15);
const LARGEST = 150_000;

const JOBS = [
  ...[0, 1, 2, 3].map(rank => ["alice", `train.py --local-rank=${rank} --model llama-70b --lr 3e-4`]),
  ["bob", "serve.py --model qwen-32b --port 8001"],
  ["carol", "notebook.py"],
];
/** User ids from scripts/images. */
const UIDS = { alice: 1001, bob: 1002, carol: 1003 };

const PICTURES = [
  { name: "overview-light", hash: "", viewport: { width: 1280, height: 800 }, colorScheme: "light" },
  { name: "gpu-dark", hash: "#/gpu/4", viewport: { width: 1280, height: 1000 }, colorScheme: "dark" },
  { name: "wall", hash: "#/wall", viewport: { width: 1280, height: 720 }, colorScheme: "dark" },
  { name: "phone", hash: "", viewport: { width: 390, height: 780 }, colorScheme: "light", isMobile: true },
];

const agent = await Agent.start({
  scenario: known("h200-8"),
  interval: "1s",
  args: ["--idle-after=30s"],
});
chmodSync(agent.folder, 0o755);
const isRoot = process.getuid() === 0;
for (const [user, job] of JOBS) {
  const account = isRoot ? { uid: UIDS[user], gid: UIDS[user] } : {};
  standIn(agent.folder, "python", job.split(" "), account);
}
await agent.until("the processes", ({ processes }) => processes.length >= JOBS.length);
const browser = await launch();
process.stdout.write(`waiting for ${MINUTES} minutes of the past\n`);
const wait = minutes => new Promise(over => setTimeout(over, minutes * 60_000));
await wait(MINUTES * 0.8);
// A GPU in trouble.
agent.play(`${known("h200-8")}\n[[fault]]\nfunction = "*"\ngpu = 6\ncode = 15\n`);
await wait(MINUTES * 0.2);

const folder = join(ROOT, "docs/images");
mkdirSync(folder, { recursive: true });
for (const { name, hash, ...options } of PICTURES) {
  const page = await open(browser, agent.url + hash, options);
  await live(page);
  if (hash.startsWith("#/gpu")) await page.locator("[data-chart=nvlink] canvas").waitFor();
  // After two updates all history is loaded and drawn.
  const { sequence } = await agent.ask("api/v1/snapshot");
  await agent.until("two updates", snapshot => snapshot.sequence > sequence + 2);
  const path = join(folder, `${name}.png`);
  await page.screenshot({ path });
  await page.done();
  const { size } = statSync(path);
  process.stdout.write(`docs/images/${name}.png: ${Math.round(size / 1000)} kB\n`);
  if (size > LARGEST) throw new Error(`${path} has more than ${LARGEST} bytes: show less on it`);
}
await browser.close();
await agent.end();
process.exit();
