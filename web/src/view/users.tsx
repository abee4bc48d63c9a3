import { format } from "../browser/route";
import { MemoryBar, Swatch } from "../components/bar";
import { GpuLink } from "../components/gpu-link";
import { WithTooltip } from "../components/with-tooltip";
import { agentNow, colours, released, type Shown, shown, snapshot } from "../live/store";
import { bytes, DASH, duration, noun, ofTotal, percent } from "../model/format";
import { divide } from "../model/memory";
import { labelAmong } from "../model/owner";
import { totals } from "../model/totals";
import { type User, usersOf } from "../model/users";
import { HiddenNames } from "./sign-in";

/** Users, the most memory first; below them those of GPUs that are not read, with the age. */
export function UsersView() {
  if (!snapshot.value) return null;
  const now = shown.value.filter(each => each.asOf === null);
  const past = shown.value.filter(each => each.asOf !== null);
  const [present, before] = [sorted(now), sorted(past)];
  return (
    <section class="panel" aria-label="Users">
      <div class="tools">
        <h2>Users</h2>
      </div>
      <HiddenNames />
      {present.length + before.length === 0 ? (
        <p class="nothing">Nobody uses a GPU.</p>
      ) : (
        <Users now={now} present={present} past={past} before={before} />
      )}
    </section>
  );
}

const sorted = (of: readonly Shown[]): User[] =>
  usersOf({
    gpus: of.map(each => each.gpu),
    processes: of.flatMap(each => each.processes),
  }).sort((a, b) => (b.gpuMemory ?? -1) - (a.gpuMemory ?? -1) || (a.owner.key < b.owner.key ? -1 : 1));

/** Time of the oldest reading of these GPUs. */
const oldest = (gpus: readonly number[], past: readonly Shown[]): number =>
  Math.min(...past.filter(each => gpus.includes(each.gpu.index)).map(each => each.asOf ?? Infinity));

function Users({
  now,
  present,
  past,
  before,
}: {
  now: readonly Shown[];
  present: readonly User[];
  past: readonly Shown[];
  before: readonly User[];
}) {
  const sum = totals(
    now.map(each => each.gpu),
    released.value,
  ).memory;
  const total = sum?.total ?? null;
  const { parts } = divide(
    { total_bytes: total, used_bytes: sum?.used ?? null },
    now.flatMap(each => each.processes),
  );
  const all = [...present, ...before].map(({ owner }) => owner);
  const nameOf = ({ owner }: User) => labelAmong(owner, all);
  return (
    <>
      {sum && (
        <div class="whose">
          <p>
            <span>{ofTotal(sum.used, sum.total)}</span>
            <small>memory of all GPUs{sum.of < shown.value.length && " that are read"}</small>
          </p>
          <MemoryBar parts={parts} label="Memory of all GPUs that are read" />
        </div>
      )}
      <div class="scroll">
        <table class="users">
          <Head />
          <tbody>
            {present.map(user => (
              <UserRow key={user.owner.key} user={user} name={nameOf(user)} total={total} at={null} />
            ))}
            {before.map(user => (
              <UserRow
                key={`${user.owner.key} past`}
                user={user}
                name={nameOf(user)}
                total={null}
                at={oldest(user.gpus, past)}
              />
            ))}
          </tbody>
        </table>
      </div>
    </>
  );
}

function Head() {
  return (
    <thead>
      <tr>
        <th scope="col">User</th>
        <th scope="col">GPUs</th>
        <th scope="col" class="number">
          Processes
        </th>
        <th scope="col" class="number">
          GPU memory
        </th>
        <th scope="col" class="number">
          SM
        </th>
        <th scope="col" class="number">
          Longest run
        </th>
        <th scope="col">Idle, memory held</th>
      </tr>
    </thead>
  );
}

/** `at` is the time of the values; null if they are current. */
function UserRow({
  user,
  name,
  total,
  at,
}: {
  user: User;
  name: string;
  total: number | null;
  at: number | null;
}) {
  const { owner, places, processes, gpuMemory, sm, startedAt, held } = user;
  const now = agentNow();
  return (
    <tr class={at === null ? undefined : "past"}>
      <th scope="row">
        <a class="owner" href={format({ view: "processes", query: { user: owner.key } })}>
          <Swatch of={owner.key} />
          {name}
        </a>
      </th>
      <td>
        <span class="gpus">
          {places.map(({ gpu, name }) => (
            <GpuLink key={name} index={gpu} name={name} />
          ))}
        </span>
      </td>
      <td class="number" data-label={noun(processes, "process", "processes")}>
        {processes}
      </td>
      <td class="number">
        <span class="has">
          {gpuMemory === null ? <NotReported /> : bytes(gpuMemory)}
          {gpuMemory !== null && total !== null && (
            <span class="bar mini" aria-hidden="true">
              <i data-colour={colours.of(owner.key)} style={{ "--of": Math.min(1, gpuMemory / total) }} />
            </span>
          )}
        </span>
      </td>
      <td class="number" data-label="SM">
        {sm === null ? (
          <NotReported />
        ) : (
          <span data-tooltip="Sum over its GPUs, in % of one">{percent(sm)}</span>
        )}
      </td>
      <td class="number" data-label="longest run">
        {startedAt === null ? <NotReported /> : duration((at ?? now) - startedAt)}
      </td>
      <td class="held">
        {at !== null && <p>{duration(now - at)} ago</p>}
        {held.map(each => (
          <p key={`${each.place} ${each.since}`}>
            GPU {each.place} idle {duration(now - each.since)}
            {each.bytes !== null && `, ${bytes(each.bytes)}`}
          </p>
        ))}
      </td>
    </tr>
  );
}

/** Placeholder for a value that the driver reports for no process. */
function NotReported() {
  return (
    <WithTooltip
      class="absent"
      data-reason="not_supported"
      tooltip="The driver does not report this for these processes."
    >
      <span aria-hidden="true">{DASH}</span>
      <span class="unseen">not reported by the driver</span>
    </WithTooltip>
  );
}
