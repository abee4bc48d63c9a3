import { computed } from "@preact/signals";
import { bytes, count, DASH } from "../../model/format";
import { hasAllGpus, hosts } from "../live/store";
import { sumsOf } from "../model/host";
import { type User, usersOf } from "../model/users";
import { EVERY_HOST } from "../model/window";
import { format, route, setQuery } from "../route";
import { hostAddress } from "./columns";

const users = computed(() => usersOf(hosts.value.values()));

/** Hosts whose users are not known: they report none, or are hidden. */
const unknown = computed(
  () => [...hosts.value.values()].filter(host => host.state !== "ok" || sumsOf(host).users === null).length,
);

/** Users across hosts, those with the most GPUs first. */
export function UsersView() {
  const text = (route.value.query["q"] ?? "").toLowerCase();
  const shown = users.value.filter(user => user.name.toLowerCase().includes(text));
  const isLoading = hosts.value.size > EVERY_HOST && !hasAllGpus.value;
  return (
    <section class="panel" aria-label="Users">
      <div class="tools">
        <h2>Users</h2>
        <search>
          <input
            type="search"
            value={route.value.query["q"] ?? ""}
            placeholder="User"
            aria-label="Filter by name"
            spellcheck={false}
            onInput={event => setQuery({ q: event.currentTarget.value })}
          />
        </search>
        <span class="many" role="status">
          {count(shown.length)} of {count(users.value.length)}
        </span>
      </div>
      {isLoading ? (
        <p class="nothing">Loading the GPUs of all hosts …</p>
      ) : shown.length === 0 ? (
        <p class="nothing">{text === "" ? "Nobody uses a GPU." : "No user matches."}</p>
      ) : (
        <UserTable users={shown} />
      )}
      {unknown.value > 0 && (
        <p class="fine below">
          {count(unknown.value)} of {count(hosts.value.size)} hosts are not counted: their users are not known
          or not current.
        </p>
      )}
    </section>
  );
}

function UserTable({ users }: { users: readonly User[] }) {
  return (
    <div class="fleet-scroll">
      <table class="fleet-users">
        <thead>
          <tr>
            <th scope="col">User</th>
            <th scope="col" class="number">
              GPUs
            </th>
            <th scope="col" class="number">
              Idle, held
            </th>
            <th scope="col" class="number">
              Memory
            </th>
            <th scope="col">Hosts</th>
          </tr>
        </thead>
        <tbody>
          {users.map(user => (
            <tr key={user.name}>
              <th scope="row">
                <a
                  href={format({
                    view: "hosts",
                    query: { q: `user:${/\s/.test(user.name) ? `"${user.name}"` : user.name}` },
                  })}
                  data-item
                >
                  {user.name}
                </a>
              </th>
              <td class="number">{count(user.devices)}</td>
              <td class="number" data-severity={user.held > 0 ? "warning" : undefined}>
                {count(user.held)}
              </td>
              <td class="number">
                <Memory user={user} />
              </td>
              <td>
                <ul class="places">
                  {user.places.map(({ host, names }) => (
                    <li key={host}>
                      <a href={hostAddress(host)} data-tooltip={`GPU ${names.join(", ")}`}>
                        {host}
                      </a>{" "}
                      <span class="fine">{names.length}</span>
                    </li>
                  ))}
                </ul>
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Memory({ user: { memory, shares } }: { user: User }) {
  if (memory === null) {
    const why = shares ? "Parts of GPUs that are shared with others are not known." : "No GPU reports it.";
    return (
      <span class="missing" data-tooltip={why}>
        <span aria-hidden="true">{DASH}</span>
        <span class="unseen">{why}</span>
      </span>
    );
  }
  if (!shares) return <>{bytes(memory)}</>;
  return <span data-tooltip="Without GPUs that are shared with others.">{bytes(memory)}+</span>;
}
