import { describe, expect, it } from "vitest";
import type { Process } from "../src/api/types";
import { csv } from "../src/model/csv";
import { divide } from "../src/model/memory";
import { ownerOf } from "../src/model/owner";
import {
  filter,
  group,
  isSame,
  keepOrder,
  NO_FILTER,
  nobodyListed,
  rowKey,
  sort,
  whereOf,
} from "../src/model/processes";
import { usersOf } from "../src/model/users";
import { process, snapshot, users } from "./example";

const a = process({
  gpu: 0,
  pid: 10,
  user: "alice",
  uid: 1,
  sm_percent: 5,
  command: "python Train.py",
  type: "C",
});
const b = process({
  gpu: 1,
  pid: 9,
  user: "bob",
  uid: 2,
  sm_percent: null,
  command: null,
  job: "88121",
  type: "G",
});
const c = process({
  gpu: 1,
  pid: 100,
  user: "alice",
  uid: 1,
  sm_percent: 50,
  command: "vllm serve",
  type: "C+G",
});
const all = [c, a, b];
const pids = (list: readonly { pid: number | null }[]) => list.map(each => each.pid);

describe("the owner of a process", () => {
  it("is the account or container that it counts for", () => {
    const label = (changes: Partial<Process>) => ownerOf(process(changes)).label;
    expect(label({ owner: "alice" })).toBe("alice");
    expect(label({ user: "root", owner: "vllm", owner_container: "0123456789abcdef" })).toBe("vllm");
    expect(label({ owner: null })).toBe("unknown");
    expect(label({ owner: null, absent: { owner: "hidden" } })).toBe("hidden");
  });

  it("is another for an account and for each container of one name", () => {
    const ids = ["0123456789abcdef", "fedcba9876543210"];
    const [one = "", two = ""] = ids;
    const processes = [null, one, two, one].map((owner_container, pid) =>
      process({ pid, user: "root", owner: "bob", owner_container }),
    );
    const rows = usersOf({ gpus: snapshot.gpus, processes });
    expect(rows.map(user => user.processes)).toEqual([1, 2, 1]);
    expect(new Set(rows.map(user => user.owner.key)).size).toBe(3);
    expect(group(processes).map(each => each.label)).toEqual([
      "bob",
      "bob (container 0123456789ab)",
      "bob (container fedcba987654)",
    ]);
    const { owners } = divide({ total_bytes: null, used_bytes: null }, processes);
    expect(owners).toHaveLength(3);
    expect(filter(processes, { ...NO_FILTER, user: "bob" }).map(each => each.owner_container)).toEqual([
      null,
    ]);
    const [container] = rows.filter(user => user.owner.container === two);
    expect(filter(processes, { ...NO_FILTER, user: container?.owner.key ?? "" })).toEqual([processes[2]]);
  });

  it("sums to the agent's users", () => {
    const ours = usersOf(snapshot).map(user => ({
      who: user.owner.label,
      gpus: user.gpus,
      processes: user.processes,
      memory: user.gpuMemory,
      sm: user.sm,
      seconds: user.startedAt === null ? null : Math.floor((snapshot.sampled_at - user.startedAt) / 1000),
      held: user.held.map(held => [held.gpu, held.bytes, held.since]),
    }));
    const theirs = users.map(user => ({
      who: user.user,
      gpus: user.gpus,
      processes: user.processes,
      memory: user.gpu_memory_bytes,
      sm: user.sm_percent,
      seconds: user.longest_run_seconds,
      held: user.held_idle.map(held => [held.gpu, held.gpu_memory_bytes, held.since]),
    }));
    const byWho = (x: { who: string | null }, y: { who: string | null }) =>
      String(x.who) < String(y.who) ? -1 : 1;
    expect(ours.sort(byWho)).toEqual(theirs.sort(byWho));
    expect(ours.length).toBeGreaterThan(1);
  });
});

describe("the filter", () => {
  it.each([
    [{ text: "" }, [100, 10, 9]],
    [{ text: "ALICE train" }, [10]],
    [{ text: "88121" }, [9]],
    [{ text: "10" }, [100, 10]],
    [{ text: "nothing" }, []],
    [{ user: "alice" }, [100, 10]],
    [{ gpu: "1" }, [100, 9]],
    [{ type: "C" }, [10]],
    [{ user: "alice", gpu: "1", text: "vllm" }, [100]],
  ])("of %j keeps %j", (params, stored) => {
    expect(pids(filter(all, { ...NO_FILTER, ...params }))).toEqual(stored);
  });

  it("takes regular expressions as plain text", () => {
    expect(filter([process({ command: "a.*b" })], { ...NO_FILTER, text: ".*" })).toHaveLength(1);
    expect(filter([a], { ...NO_FILTER, text: "(" })).toEqual([]);
  });
});

describe("the order", () => {
  it("is by the column, then by GPU, instance and PID", () => {
    expect(pids(sort(all, { key: "gpu", down: false }))).toEqual([10, 9, 100]);
    expect(pids(sort(all, { key: "user", down: false }))).toEqual([10, 100, 9]);
    expect(pids(sort(all, { key: "pid", down: true }))).toEqual([100, 10, 9]);
    expect(pids(sort([...all].reverse(), { key: "gpu", down: false }))).toEqual([10, 9, 100]);
  });

  it("has absent values last, in both directions", () => {
    expect(pids(sort(all, { key: "sm", down: true }))).toEqual([100, 10, 9]);
    expect(pids(sort(all, { key: "sm", down: false }))).toEqual([10, 100, 9]);
  });

  it("compares numbers in texts, and inverts start times", () => {
    const jobs = ["9", "10", "2"].map(job => process({ job }));
    expect(sort(jobs, { key: "where", down: false }).map(each => each.job)).toEqual(["2", "9", "10"]);
    const ages = [process({ pid: 1, started_at: 100 }), process({ pid: 2, started_at: 50 })];
    expect(pids(sort(ages, { key: "running", down: true }))).toEqual([2, 1]);
  });

  it("keeps known rows in place, and inserts new ones after their predecessor", () => {
    const before = [c, a].map(rowKey);
    expect(pids(keepOrder([a, b, c], before))).toEqual([100, 10, 9]);
    expect(pids(keepOrder([b, a, c], before))).toEqual([9, 100, 10]);
    expect(pids(keepOrder([a], before))).toEqual([10]);
    expect(pids(keepOrder([a, b, c], []))).toEqual([10, 9, 100]);
  });
});

describe("a row", () => {
  it("is rendered after a change, and keeps its key", () => {
    const later = { ...a, started_at: (a.started_at ?? 0) + 1 };
    expect([isSame(a, later), rowKey(a) === rowKey(later)]).toEqual([true, true]);
    expect(isSame(a, { ...a, started_at: (a.started_at ?? 0) + 5_000 })).toBe(false);
    expect(isSame(a, { ...a, started_at: null })).toBe(false);
    expect(isSame(a, { ...a, sm_percent: 6 })).toBe(false);
    expect(isSame(b, { ...b, sm_percent: 0 })).toBe(false);
  });
});

describe("groups", () => {
  it("have sums of reported values", () => {
    const groups = group([a, b, c]);
    expect(groups.map(each => [each.label, pids(each.processes), each.gpus, each.sm])).toEqual([
      ["alice", [10, 100], [0, 1], 55],
      ["bob", [9], [1], null],
    ]);
  });
});

describe("the job, pod or container of a process", () => {
  it("is its job, else its pod, else its container", () => {
    const container = "0123456789abcdef";
    expect(whereOf(process({ container }))?.label).toBe("0123456789ab");
    expect(whereOf(process({ container, pod: "11112222-3333" }))?.label).toBe("pod 11112222");
    expect(whereOf(process({ container, container_name: "vllm" }))?.label).toBe("vllm");
    const named = process({ pod: "1111", pod_name: "train-0", pod_namespace: "ml" });
    expect(whereOf(named)).toEqual({ kind: "pod", id: "ml/train-0", label: "train-0" });
    expect(whereOf(process({ container, pod: "p", job: "7" }))?.label).toBe("slurm 7");
    expect(whereOf(process({ job: "7", job_display: "7" }))?.label).toBe("slurm 7");
    expect(whereOf(process({ job: "3", job_display: "2_3" }))?.label).toBe("slurm 2_3 (3)");
    expect(whereOf(process())).toBeNull();
  });
});

describe("CSV", () => {
  it("follows RFC 4180", () => {
    expect(
      csv([
        ["a", 1, null],
        ['say "x"', "b,c", "two\nlines"],
      ]),
    ).toBe('a,1,\r\n"say ""x""","b,c","two\nlines"\r\n');
  });

  it.each(["=1+1", "+1", "-1", "@x", " =x", "\t=x", "\tx", "\r=x", "\uFF1D1"])(
    "makes no formula of %j",
    text => {
      expect(csv([[text]]).replace(/^"/, "")).toMatch(/^'/);
    },
  );

  it("leaves negative numbers and other texts alone", () => {
    expect(csv([[-5, "python -m x=1"]])).toBe("-5,python -m x=1\r\n");
  });
});

describe("the text of an empty table", () => {
  const of = (verdict: string) =>
    snapshot.gpus.slice(0, 1).map(({ use }) => ({ ...use, unattributed_bytes: 0, verdict }));

  it("does not deny processes that use memory without being visible", () => {
    const hidden = of("busy").map(use => ({ ...use, unattributed_bytes: 2 ** 31 }));
    expect(nobodyListed(hidden, true)).toBe("No process is visible here.");
  });

  it('says "no process" where that is known', () => {
    expect(nobodyListed(of("free"), true)).toBe("No process uses this GPU.");
    expect(nobodyListed([...of("free"), ...of("held")], false)).toBe("No process uses a GPU.");
  });

  it("says where it is unknown", () => {
    expect(nobodyListed(of("unknown"), true)).toBe("It is unknown whether a process uses this GPU.");
    expect(nobodyListed([...of("free"), ...of("unknown")], false)).toBe(
      "No processes listed; unknown for 1 of 2 GPUs.",
    );
  });
});
