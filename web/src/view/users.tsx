import { agentNow, colours, shown, snapshot } from "../live/store";
import { bytes, DASH, duration, ofTotal, percent } from "../model/format";
import { divide } from "../model/memory";
import { totals } from "../model/totals";
import { type User, usersOf } from "../model/users";
import { format } from "../page/route";
import { MemoryBar, Swatch } from "../part/bar";
import { GpuLink } from "../part/gpu-link";

/** Who has what, the most memory first. */
export function UsersView() {
  const newest = snapshot.value;
  if (!newest) return null;
  // Of a GPU that is lost its past is shown, and who had it.
  const users = usersOf({
    gpus: shown.value.map(each => each.gpu),
    processes: shown.value.flatMap(each => each.processes),
  }).sort((a, b) => (b.gpuMemory ?? -1) - (a.gpuMemory ?? -1) || (a.owner.key < b.owner.key ? -1 : 1));
  return (
    <section class="panel" aria-label="Users">
      <div class="tools">
        <h2>Users</h2>
      </div>
      {users.length === 0 ? <p class="nothing">Nobody uses a GPU.</p> : <Users users={users} />}
    </section>
  );
}

function Users({ users }: { users: readonly User[] }) {
  const sum = totals(shown.value.map(each => each.gpu)).memory;
  const total = sum?.total ?? null;
  const { parts } = divide(
    { total_bytes: total, used_bytes: sum?.used ?? null },
    shown.value.flatMap(each => each.processes),
  );
  return (
    <>
      {sum && (
        <div class="whose">
          <p>
            <span>{ofTotal(sum.used, sum.total)}</span>
            <small>memory of all GPUs</small>
          </p>
          <MemoryBar parts={parts} label="Memory of all GPUs" />
        </div>
      )}
      <div class="scroll">
        <table class="users">
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
              <th scope="col">Held, idle</th>
            </tr>
          </thead>
          <tbody>
            {users.map(user => (
              <UserRow key={user.owner.key} user={user} total={total} />
            ))}
          </tbody>
        </table>
      </div>
    </>
  );
}

function UserRow({ user, total }: { user: User; total: number | null }) {
  const { owner, gpus, processes, gpuMemory, sm, startedAt, held } = user;
  const now = agentNow();
  return (
    <tr>
      <th scope="row">
        <a class="owner" href={format({ view: "processes", query: { user: owner.key } })}>
          <Swatch of={owner.key} />
          {owner.label}
        </a>
      </th>
      <td>
        <span class="gpus">
          {gpus.map(index => (
            <GpuLink key={index} index={index} />
          ))}
        </span>
      </td>
      <td class="number" data-label="processes">
        {processes}
      </td>
      <td class="number">
        <span class="has">
          {gpuMemory === null ? <NotTold /> : bytes(gpuMemory)}
          {gpuMemory !== null && total !== null && (
            <span class="bar mini" aria-hidden="true">
              <i data-colour={colours.of(owner.key)} style={{ "--of": Math.min(1, gpuMemory / total) }} />
            </span>
          )}
        </span>
      </td>
      <td class="number" data-label="SM">
        {sm === null ? <NotTold /> : <span data-tip="All its GPUs together, in % of one">{percent(sm)}</span>}
      </td>
      <td class="number" data-label="for">
        {startedAt === null ? <NotTold /> : duration(now - startedAt)}
      </td>
      <td class="held">
        {held.map(each => (
          <p key={`${each.gpu} ${each.since}`}>
            GPU {each.gpu} for {duration(now - each.since)}
            {each.bytes !== null && `, ${bytes(each.bytes)}`}
          </p>
        ))}
      </td>
    </tr>
  );
}

/** The driver tells it of none of the processes. */
function NotTold() {
  return (
    <span
      class="absent"
      data-reason="not_supported"
      data-tip="The driver does not tell it of these processes."
    >
      <span aria-hidden="true">{DASH}</span>
      <span class="unseen">not told by the driver</span>
    </span>
  );
}
