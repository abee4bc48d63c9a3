// The demo host: mixed load with live processes.
import { Agent, known, standIn } from "./agent.js";

const JOBS = [
  ["python", "train.py", "--local-rank=0"],
  ["python", "train.py", "--local-rank=1"],
  ["python", "train.py", "--local-rank=2"],
  ["python", "train.py", "--local-rank=3"],
  ["vllm", "serve.py", "--model"],
  ["python", "notebook.py"],
];

let hosts = 0;

/** Eight H200 and six processes, with a mark that keeps other processes of this machine out. */
export async function demo(options = {}) {
  hosts += 1;
  const mark = `--run=${process.pid}-${hosts}`;
  const scenario = known("h200-8").replaceAll(/^command = "(.*)"$/gm, `command = "$1 ${mark}"`);
  const agent = await Agent.start({ scenario, ...options });
  for (const [name, ...job] of JOBS) standIn(agent.folder, name, [...job, mark, "--seed", "7"]);
  await agent.until("the processes", ({ processes }) => processes.length === JOBS.length);
  return agent;
}
