// The built agent, on the simulated driver.
import { spawn } from "node:child_process";
import {
  copyFileSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { eventually } from "./eventually.js";

export const ROOT = resolve(import.meta.dirname, "../../..");
/** Folder of the program, the simulated driver and the stand-in processes. */
export const BINARIES = resolve(process.env.E2E_BINARIES ?? join(ROOT, "target/release"));

if (!existsSync(join(BINARIES, "nvidia-smi-web-agent"))) {
  throw new Error(
    `${BINARIES} has no agent: build it with cargo build --release --workspace, or set E2E_BINARIES`,
  );
}

const running = new Set();
process.on("exit", () => {
  for (const child of running) child.kill("SIGKILL");
});

/** Starts a program that ends with this one. */
export function start(program, args, options = {}) {
  const child = spawn(program, args, { stdio: ["ignore", "ignore", "pipe"], ...options });
  child.log = "";
  child.stderr.setEncoding("utf8").on("data", text => {
    child.log += text;
  });
  running.add(child);
  child.ended = new Promise(ended => child.on("close", ended)).then(() => running.delete(child));
  return child;
}

export const freePort = () =>
  new Promise((found, failed) => {
    const server = createServer().once("error", failed);
    server.listen(0, "127.0.0.1", () => {
      const { port } = server.address();
      server.close(() => found(port));
    });
  });

/** A scenario that comes with the simulated driver. */
export const known = name => readFileSync(join(ROOT, `crates/fake-nvml/scenarios/${name}.toml`), "utf8");

/** An idle process with this name and arguments, for the driver to list. */
export function standIn(folder, name, args = [], options = {}) {
  // Its name is the name of its file.
  const file = join(folder, name.replaceAll("/", "_"));
  if (!existsSync(file)) copyFileSync(join(BINARIES, "stand-in"), file);
  return start(file, args, { argv0: name, ...options });
}

/** A running agent. */
export class Agent {
  /**
   * Starts an agent and waits until it has read the driver.
   * `prefix`, `token` and `args` are its configuration, `scenario` is for its driver.
   */
  static async start({
    scenario,
    prefix = "",
    token,
    args = [],
    env = {},
    interval = "200ms",
    ready = true,
  }) {
    const agent = new Agent();
    agent.folder = mkdtempSync(join(tmpdir(), "e2e-"));
    agent.prefix = prefix;
    agent.token = token;
    agent.args = args;
    agent.env = env;
    agent.interval = interval;
    agent.port = await freePort();
    agent.play(scenario);
    await agent.restart();
    if (ready) await agent.until("it to read the driver", ({ collector }) => collector.state === "ok");
    return agent;
  }

  get origin() {
    return `http://localhost:${this.port}`;
  }

  get url() {
    return `${this.origin}${this.prefix}/`;
  }

  /** Switches the driver to another scenario. */
  play(scenario) {
    const file = join(this.folder, "scenario.toml");
    // Atomic for a reader.
    writeFileSync(`${file}.new`, scenario);
    renameSync(`${file}.new`, file);
  }

  /** Starts it at the same address, also after a stop. */
  async restart() {
    this.child = start(
      join(BINARIES, "nvidia-smi-web-agent"),
      [
        "--nvml-library",
        join(BINARIES, "libfake_nvml.so"),
        "--resolve-pids",
        `--interval=${this.interval}`,
        ...this.args,
      ],
      {
        cwd: this.folder,
        env: {
          PATH: "/usr/bin:/bin",
          NVSMI_BIND: "127.0.0.1",
          PORT: String(this.port),
          URL_PREFIX: this.prefix,
          FAKE_NVML_SCENARIO: join(this.folder, "scenario.toml"),
          ...(this.token ? { TOKEN: this.token } : {}),
          ...this.env,
        },
      },
    );
    await eventually("the agent to serve", () => {
      if (this.child.exitCode !== null) throw new Error(this.child.log);
      return this.child.log.includes("serving");
    });
  }

  /** PID of its collector. */
  collector() {
    const parentOf = pid => readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1].split(" ")[1];
    const isOurs = pid => {
      try {
        return parentOf(pid) === String(this.child.pid);
      } catch {
        // The process has exited.
        return false;
      }
    };
    return Number(
      readdirSync("/proc")
        .filter(name => /^\d+$/.test(name))
        .find(isOurs),
    );
  }

  async stop(signal = "SIGTERM") {
    this.child.kill(signal);
    await this.child.ended;
  }

  /** Answer to a request with its own token. */
  async ask(path) {
    const headers = this.token ? { Authorization: this.token } : {};
    const answer = await fetch(this.url + path, { headers });
    return answer.json();
  }

  /** Waits for a snapshot that satisfies `isTrue`. */
  until(what, isTrue) {
    return eventually(what, async () => {
      const snapshot = await this.ask("api/v1/snapshot");
      return isTrue(snapshot) && snapshot;
    });
  }

  /** Ends it and removes its files. */
  async end() {
    if (running.has(this.child)) await this.stop("SIGKILL");
    rmSync(this.folder, { recursive: true, force: true });
  }
}
