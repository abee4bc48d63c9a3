// A hub with made-up hosts, as many as a test wants.
import { createServer } from "node:http";
import { gzipSync } from "node:zlib";
import { built, sendFile } from "./page-files.js";

const GIB = 2 ** 30;
const TOTAL = 141 * GIB;
const USERS = ["alice", "bob", "carol", "dave", "erin", "frank"];

/** A GPU in a state, which `tick` changes a little. */
export function gpuOf(host, index, use, more = {}) {
  const isBusy = use === "busy";
  return {
    index,
    uuid: `GPU-${host}-${index}`,
    name: "NVIDIA H200",
    memory_total_bytes: TOTAL,
    memory_free_bytes: use === "free" ? TOTAL - GIB : Math.round(TOTAL * 0.2),
    utilization_percent: isBusy ? 80 : 0,
    power_watts: isBusy ? 620 : 80,
    temperature_celsius: isBusy ? 71 : 34,
    state: "ok",
    use,
    since: Date.now() - 3_600_000,
    health: "ok",
    users:
      use === "free" ? [] : [USERS[(index + host.length + Number(/\d+$/.exec(host) ?? 0)) % USERS.length]],
    claim: null,
    mig: [],
    ...more,
  };
}

/** A host. `uses` has a letter for each GPU: f, h, b. */
export function hostOf(name, uses = "bbbbbhff", more = {}) {
  const words = { f: "free", h: "held", b: "busy", u: "unknown" };
  return {
    name,
    labels: {},
    state: "ok",
    original: false,
    source: "agent",
    error: null,
    since: Date.now() - 86_400_000,
    age_ms: 200,
    read_at: Date.now() - 200,
    agent_version: "0.2.0",
    driver_version: "580.95.05",
    ssh_host: name,
    problems: [],
    notes: [],
    gpus: [...uses].map((letter, index) => gpuOf(name, index, words[letter])),
    ...more,
  };
}

/** Twelve hosts with some of everything. */
export function twelve() {
  const racks = ["a1", "a1", "a1", "a1", "a2", "a2", "a2", "a2", "b1", "b1", "b1", "b1"];
  const uses = [
    "bbbbbhff",
    "bbbbbbbb",
    "ffffffff",
    "bbbbhhhh",
    "bbbbbbbf",
    "bbffffff",
    "hhhhhhhh",
    "bbbb",
    "bbbbbbbb",
    "ff",
    "bbbbbbbb",
    "bfbfbfbf",
  ];
  const hosts = racks.map((rack, at) =>
    hostOf(`gpu${String(at + 1).padStart(2, "0")}`, uses[at], {
      labels: { rack, owner: at % 2 ? "vision" : "language" },
    }),
  );
  const now = Date.now();
  hosts[1].gpus[3] = gpuOf("gpu02", 3, "unknown", {
    health: "critical",
    state: "lost",
    utilization_percent: null,
    memory_free_bytes: null,
    memory_total_bytes: null,
    power_watts: null,
    temperature_celsius: null,
    users: null,
  });
  hosts[1].problems = ["GPU 3: Xid 79, the GPU has fallen off the bus. Reboot the host."];
  Object.assign(hosts[8], {
    state: "unreachable",
    error: "connection refused",
    since: now - 754_000,
    read_at: now - 760_000,
  });
  Object.assign(hosts[6], {
    state: "stale",
    since: now - 41_000,
    read_at: now - 44_000,
    problems: ["The driver does not answer."],
  });
  Object.assign(hosts[9], {
    source: "original",
    notes: ["The original agent: polled every 10 s, or 60 s without a viewer."],
    original: true,
    agent_version: null,
    driver_version: null,
    gpus: hosts[9].gpus.map(gpu => ({
      ...gpu,
      uuid: null,
      state: null,
      health: null,
      name: "NVIDIA L4",
      memory_total_bytes: 24 * GIB,
      memory_free_bytes: 23 * GIB,
    })),
  });
  Object.assign(hosts[10], {
    state: "refused",
    error: "401: the agent refuses the hub's token",
    since: now - 90_000,
    read_at: null,
    gpus: [],
  });
  Object.assign(hosts[7], {
    source: "older_agent",
    agent_version: "0.1.0",
    notes: ["An agent of an earlier release: polled every 5 s, or 30 s without a viewer."],
  });
  hosts[7].gpus = hosts[7].gpus.map(gpu => ({
    ...gpu,
    name: "NVIDIA A100-SXM4-80GB",
    memory_total_bytes: 80 * GIB,
    memory_free_bytes: 12 * GIB,
  }));
  const instance = (profile, use, at) => ({
    label: profile,
    uuid: `MIG-${at}`,
    profile,
    memory_total_bytes: 18 * GIB,
    memory_free_bytes: use === "free" ? 18 * GIB : 2 * GIB,
    use,
    since: now - 600_000,
    users: use === "free" ? [] : ["judy"],
  });
  hosts[11].gpus[0] = gpuOf("gpu12", 0, "busy", {
    mig: ["free", "busy", "free", "busy", "held", "free", "free"].map((use, at) =>
      instance("1g.18gb", use, at),
    ),
  });
  return hosts;
}

/** Hosts `node0001` and so on. */
export function many(count) {
  const letters = "bbbbbbhhff";
  return Array.from({ length: count }, (_, at) => {
    const uses = Array.from({ length: 8 }, (_, gpu) => letters[(at * 7 + gpu * 3) % letters.length]).join("");
    return hostOf(`node${String(at + 1).padStart(4, "0")}`, uses, {
      labels: { rack: `r${String(Math.floor(at / 16)).padStart(2, "0")}` },
    });
  });
}

const countsOf = host => {
  const gpus = { free: 0, held: 0, busy: 0, unknown: 0 };
  let free = 0;
  for (const gpu of host.gpus) {
    const isKnown = host.state === "ok" && gpu.state !== "lost";
    gpus[isKnown ? gpu.use : "unknown"] += 1;
    if (isKnown) free += gpu.mig.filter(({ use }) => use === "free").length;
  }
  return { gpus, mig: { free } };
};

function totalsOf(hosts) {
  const totals = {
    hosts: { ok: 0, starting: 0, stale: 0, unreachable: 0, refused: 0 },
    gpus: { free: 0, held: 0, busy: 0, unknown: 0 },
    mig: { free: 0 },
    memory_total_bytes: 0,
    memory_free_bytes: 0,
    power_watts: 0,
  };
  for (const host of hosts) {
    totals.hosts[host.state] += 1;
    const { gpus, mig } = countsOf(host);
    for (const use of Object.keys(gpus)) totals.gpus[use] += gpus[use];
    totals.mig.free += mig.free;
    if (host.state !== "ok") continue;
    for (const gpu of host.gpus) {
      totals.memory_total_bytes += gpu.memory_total_bytes ?? 0;
      totals.memory_free_bytes += gpu.memory_free_bytes ?? 0;
      totals.power_watts += gpu.power_watts ?? 0;
    }
  }
  return totals;
}

const SIZES = { M: 2 ** 20, G: GIB, T: 2 ** 40 };

/** As the hub's `find`, without its order. */
function find(hosts, params) {
  const count = Number(params.get("count") ?? 1);
  const [, size = "0", unit = "G"] = /^(\d+)([MGT])/.exec(params.get("memory") ?? "") ?? [];
  const memory = Number(size) * SIZES[unit];
  const model = params.get("model")?.toLowerCase() ?? "";
  const uses = params.get("held") === "true" ? ["free", "held"] : ["free"];
  const choices = [];
  const nearest = [];
  for (const host of hosts) {
    const fits = host.gpus.filter(
      gpu =>
        host.state === "ok" &&
        gpu.uuid !== null &&
        uses.includes(gpu.use) &&
        gpu.memory_free_bytes >= memory &&
        gpu.name.toLowerCase().includes(model),
    );
    const devices = fits
      .slice(0, count)
      .map(({ index, uuid, name, memory_free_bytes }) => ({ index, uuid, name, memory_free_bytes }));
    if (fits.length >= count) {
      choices.push({
        host: host.name,
        devices,
        cuda_visible_devices: devices.map(({ uuid }) => uuid).join(),
        command: `ssh ${host.ssh_host}`,
      });
    } else
      nearest.push({
        host: host.name,
        fitting: fits.length,
        missing: [{ what: "count", devices: count - fits.length }],
      });
  }
  nearest.sort((a, b) => b.fitting - a.fitting);
  return {
    schema: 1,
    found: choices.length > 0,
    choices: choices.slice(0, 20),
    nearest: choices.length > 0 ? [] : nearest.slice(0, 3),
  };
}

/**
 * A hub. `tick` changes every GPU and sends the changes; with `every` it does so by itself. With `leaps` utilization goes
 * from idle to full and back.
 */
export class FakeHub {
  static async start(hosts, options = {}) {
    built();
    const hub = new FakeHub();
    Object.assign(hub, { hosts, token: null, prefix: "", ...options });
    await hub.listen(0);
    return hub;
  }

  readers = new Set();
  requests = [];
  step = 0;

  async listen(port) {
    this.server = createServer((request, response) => this.answer(request, response));
    await new Promise(listening => this.server.listen(port, "127.0.0.1", listening));
    this.port = this.server.address().port;
    // Without changes an empty event says that the hub lives.
    const isQuiet = this.every === undefined;
    this.timer = setInterval(() => (isQuiet ? this.tell({}) : this.tick()), this.every ?? 5_000);
  }

  get origin() {
    return `http://localhost:${this.port}`;
  }

  get url() {
    return `${this.origin}${this.prefix}/`;
  }

  answer(request, response) {
    const { pathname, searchParams: params } = new URL(request.url, this.origin);
    const path = pathname.slice(this.prefix.length + 1);
    this.requests.push({ path, params, token: request.headers.authorization ?? null });
    if (path === "" && sendFile("fleet.html", request, response)) return;
    if (/^hosts\/[^/]+\/$/.test(path) && sendFile("host.html", request, response)) return;
    if (path.startsWith("assets/") && sendFile(path, request, response)) return;
    if (this.token && request.headers.authorization !== `Bearer ${this.token}`) {
      this.json(response, 401, { title: "Unauthorized", detail: "A token is required." }, request);
      return;
    }
    if (path === "api/v1/fleet") this.json(response, 200, this.fleet(null), request);
    else if (path === "api/v1/find") this.json(response, 200, find(this.hosts, params), request);
    else if (path === "api/v1/fleet/stream") this.stream(params, request, response);
    else if (this.other?.(path, request, response)) return;
    else this.json(response, 404, { title: "Not found", detail: "There is no such path." }, request);
  }

  json(response, status, body, request) {
    const text = JSON.stringify(body);
    const isGzip = /\bgzip\b/.test(request.headers["accept-encoding"] ?? "");
    response.writeHead(status, {
      "Content-Type": "application/json",
      ...(isGzip ? { "Content-Encoding": "gzip" } : {}),
    });
    response.end(isGzip ? gzipSync(text) : text);
  }

  stream(params, request, response) {
    response.writeHead(200, { "Content-Type": "text/event-stream" });
    const reader = { response, rows: params.get("rows") };
    this.readers.add(reader);
    request.on("close", () => this.readers.delete(reader));
    this.send(reader, "fleet", this.fleet(reader.rows));
  }

  send({ response }, event, data) {
    response.write(`event: ${event}\ndata: ${JSON.stringify(data)}\n\n`);
  }

  /** Names in `rows`; null for all. */
  named(rows) {
    if (rows === null) return null;
    const range = /^(\d+)-(\d+)$/.exec(rows);
    const names = this.hosts.map(({ name }) => name).sort();
    return new Set(range ? names.slice(Number(range[1]), Number(range[2]) + 1) : rows.split(","));
  }

  fleet(rows) {
    const named = this.named(rows);
    const hosts = [...this.hosts].sort((a, b) => (a.name < b.name ? -1 : 1));
    return {
      schema: 1,
      at: Date.now(),
      hosts: hosts.map(host => {
        const { gpus, ...rest } = host;
        return {
          ...rest,
          counts: countsOf(host),
          ...(named === null || named.has(host.name) ? { gpus } : {}),
        };
      }),
      totals: totalsOf(this.hosts),
    };
  }

  /** Size of the first event of the newest stream, compressed as for a browser. */
  firstBytes() {
    const { rows } = [...this.readers].at(-1) ?? { rows: "0-49" };
    return gzipSync(`event: fleet\ndata: ${JSON.stringify(this.fleet(rows))}\n\n`).length;
  }

  /** Power of a host as the page writes it. */
  powerText(name) {
    const { gpus } = this.hosts.find(each => each.name === name);
    const watts = gpus.reduce((sum, gpu) => sum + gpu.power_watts, 0);
    return watts < 1000 ? `${Math.round(watts)}` : (watts / 1000).toFixed(1);
  }

  /** Changes fields of a host, and sends them. */
  change(name, fields) {
    const host = this.hosts.find(each => each.name === name);
    Object.assign(host, fields);
    const whole = fields.gpus !== undefined;
    const row = whole ? { ...host, whole } : { name, ...fields };
    this.tell({ hosts: [{ ...row, counts: countsOf(host) }] });
  }

  remove(name) {
    this.hosts = this.hosts.filter(each => each.name !== name);
    this.tell({ removed: [name] });
  }

  add(host) {
    this.hosts.push(host);
    this.tell({ hosts: [{ ...host, whole: true, counts: countsOf(host) }] });
  }

  tell(change) {
    for (const reader of this.readers) {
      this.send(reader, "hosts", { at: Date.now(), ...change, totals: totalsOf(this.hosts) });
    }
  }

  /** Changes every GPU of every host that reports, and sends what readers asked for. */
  tick() {
    this.step += 1;
    const now = Date.now();
    const changes = new Map();
    for (const host of this.hosts) {
      if (host.state !== "ok") continue;
      host.read_at = now - 150;
      const gpus = host.gpus.map(gpu => {
        if (gpu.power_watts === null) return { index: gpu.index };
        const fields = {
          power_watts:
            gpu.use === "busy" ? 500 + ((this.step * 37 + gpu.index * 13) % 200) : 80 + (this.step % 3),
        };
        if (gpu.use === "busy") {
          fields.utilization_percent = this.leaps
            ? ((this.step + gpu.index) % 2) * 95
            : 60 + ((this.step * 17 + gpu.index * 7) % 40);
          fields.memory_free_bytes = Math.round(TOTAL * (0.1 + ((this.step + gpu.index) % 10) / 50));
        }
        Object.assign(gpu, fields);
        return { index: gpu.index, ...fields };
      });
      changes.set(host.name, { name: host.name, read_at: host.read_at, gpus });
    }
    for (const reader of this.readers) {
      const named = this.named(reader.rows);
      // The age alone is nothing that a row without GPUs shows.
      const hosts = [...changes.values()].filter(({ name }) => named === null || named.has(name));
      this.send(reader, "hosts", { at: now, hosts, totals: totalsOf(this.hosts) });
    }
  }

  /** Ends all connections, and listens no more. */
  async stop() {
    clearInterval(this.timer);
    for (const { response } of this.readers) response.destroy();
    this.server.closeAllConnections();
    await new Promise(closed => this.server.close(closed));
  }

  /** Listens at the same address again. */
  restart() {
    return this.listen(this.port);
  }

  end() {
    return this.stop();
  }
}
