// Answers about usage, made up: a host with many users for as long as a test wants.

const HOUR = 3_600_000;
const DAY = 24 * HOUR;

/** Numbers that look random and are the same in each run. */
function dice(seed) {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

const NAMES = ["alice", "bob", "carol", "dave", "erin", "frank", "grace", "heidi", "ivan", "judy"];
const JOBS = ["python train.py --model llama-70b", "vllm serve qwen-32b", "jupyter-lab", "python eval.py"];

/** Sums of `seconds` on a GPU. */
const sums = (seconds, busy) => ({
  gpu_seconds: seconds,
  present_gpu_seconds: seconds,
  busy_gpu_seconds: seconds * busy,
  idle_gpu_seconds: seconds * (1 - busy) * 0.5,
  allocated_gpu_seconds: null,
  memory_byte_seconds: seconds * 2 ** 34,
  peak_memory_bytes: 2 ** 35,
  energy_joules: seconds * (100 + 500 * busy),
});

/** Sessions of these GPUs in the `days` before `now`, the newest first, `each` sessions per GPU and day. */
export function sessionsOf(gpus, { now, days, each = 4, users = 5 }) {
  const roll = dice(7);
  const found = gpus.flatMap(({ index, uuid }) =>
    Array.from({ length: Math.round(days * each) }, (_, at) => {
      const slot = (days * DAY) / (days * each);
      const begin = now - days * DAY + at * slot;
      const hour = new Date(begin).getUTCHours();
      const length = slot * (hour > 7 && hour < 19 ? 0.6 + roll() * 0.35 : 0.1 + roll() * 0.5);
      const name = NAMES[Math.floor(roll() ** 1.5 * Math.min(users, NAMES.length))];
      const many = Math.floor(roll() * Math.max(1, users / NAMES.length));
      return {
        id: `${index}-${at}`,
        gpu: index,
        uuid,
        mig: null,
        mig_uuid: null,
        user: many > 0 ? `${name}${many}` : name,
        container: null,
        pod: null,
        job: null,
        first_at: Math.round(begin),
        last_at: Math.round(Math.min(now, begin + length)),
        open: at + 1 === Math.round(days * each),
        command: JOBS[Math.floor(roll() * JOBS.length)],
        processes: 1,
        ...sums(length / 1000, 0.2 + roll() * 0.75),
      };
    }),
  );
  return found.sort((a, b) => b.first_at - a.first_at);
}

/** Start or end of a period; a date is one of UTC. */
function timeOf(text, now, other) {
  if (text === null) return other;
  const ago = /^-(\d+)([hd])$/.exec(text);
  if (ago) return now - Number(ago[1]) * (ago[2] === "h" ? HOUR : DAY);
  return /^\d+$/.test(text) ? Number(text) : Date.parse(text);
}

const KEYS = {
  user: ({ user }) => ({ user }),
  gpu: ({ gpu, uuid }) => ({ gpu, uuid }),
  model: () => ({ model: "NVIDIA H200" }),
  job: () => ({ job: null }),
  pod: () => ({ pod: null }),
  container: () => ({ container: null }),
};

/** Answers of the API for these sessions. `more` replaces fields of `api/v1/usage`. */
export function recorded(gpus, sessions, { now, more = {} }) {
  const wanted = params => {
    const since = timeOf(params.get("since"), now, now - 30 * DAY);
    const until = timeOf(params.get("until"), now, now);
    const [user, gpu] = [params.get("user"), params.get("gpu")];
    const found = sessions.filter(
      each =>
        each.last_at >= since &&
        each.first_at < until &&
        (user === null || each.user === user) &&
        (gpu === null || each.uuid === gpu),
    );
    return { since, until, found, devices: gpu === null ? gpus.length : 1 };
  };
  return {
    usage(params) {
      const by = (params.get("by") ?? "user").split(",");
      const { since, until, found, devices } = wanted(params);
      const rows = by.includes("day") ? byHour(found, since, until) : grouped(found, by[0]);
      const held = rows.reduce((all, row) => all + row.gpu_seconds, 0);
      const device = (devices * (until - since)) / 1000;
      const rest = Math.max(0, device - held);
      return {
        schema: 1,
        since,
        until,
        by,
        tz: "UTC",
        persistent: true,
        people: true,
        note: null,
        price_gpu_hour: { amount: 1.2, currency: "EUR" },
        devices,
        device_seconds: device,
        edge_seconds: 60,
        rows,
        free_gpu_seconds: rest * 0.9,
        unknown_gpu_seconds: 0,
        unassigned_gpu_seconds: 0,
        unobserved_gpu_seconds: rest * 0.1,
        energy_joules: device * 300,
        ...more,
      };
    },
    sessions(params) {
      const from = Number(params.get("cursor") ?? 0);
      const limit = Number(params.get("limit") ?? 1000);
      const { found } = wanted(params);
      const next = from + limit < found.length ? String(from + limit) : null;
      return { schema: 1, sessions: found.slice(from, from + limit), next };
    },
  };
}

function grouped(found, by) {
  const rows = new Map();
  for (const session of found) {
    const keys = KEYS[by](session);
    const key = JSON.stringify(keys);
    const row = rows.get(key) ?? { ...keys, ...sums(0, 0), sessions: 0 };
    for (const name of Object.keys(sums(0, 0))) {
      if (session[name] !== null) row[name] = (row[name] ?? 0) + session[name];
    }
    row.sessions += 1;
    rows.set(key, row);
  }
  return [...rows.values()].sort((a, b) => b.gpu_seconds - a.gpu_seconds);
}

function byHour(found, since, until) {
  const rows = new Map();
  for (const { first_at, last_at } of found) {
    let at = Math.max(since, first_at);
    const last = Math.min(until, last_at);
    while (at < last) {
      const end = Math.min(last, (Math.floor(at / HOUR) + 1) * HOUR);
      const begin = new Date(at);
      const [day, hour] = [begin.toISOString().slice(0, 10), begin.getUTCHours()];
      const row = rows.get(`${day} ${hour}`) ?? { day, hour_of_day: hour, ...sums(0, 0), sessions: 0 };
      row.gpu_seconds += (end - at) / 1000;
      rows.set(`${day} ${hour}`, row);
      at = end;
    }
  }
  return [...rows.values()];
}
