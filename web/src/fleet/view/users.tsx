import { computed } from "@preact/signals";
import { bytes, count, DASH } from "../../model/format";
import { allGpusAt, hosts } from "../live/store";
import { sumsOf } from "../model/host";
import { type User, usersOf } from "../model/users";
import { EVERY_HOST } from "../model/window";
import { format, route, setQuery } from "../route";
import { hostAddress } from "./columns";
import { AgeOffScreen } from "./off-screen";

const users = computed(() => usersOf(hosts.value.values()));

/** Hosts whose users are not known: they report none, or are hidden. */
const unknown = computed(
  () => [...hosts.value.values()].filter(host => host.state !== "ok" || sumsOf(host).users === null).length,
);

/** Users across hosts, those with the most GPUs first. */
export function UsersView() {
  const text = (route.value.query["q"] ?? "").toLowerCase();
  const shown = users.value.filter(user => user.name.toLowerCase().includes(text));
  const isLoading = hosts.value.size > EVERY_HOST && allGpusAt.value === null;
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
        <div class="found">
          <span class="many" role="status">
            {count(shown.length)} of {count(users.value.length)}
          </span>
          <AgeOffScreen />
        </div>
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

/** Users in the table: more could not be read. */
const MAX_USERS = 200;

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
          {users.slice(0, MAX_USERS).map(user => (
            <tr key={user.name}>
              <th scope="row">
                <a href={searchFor(user.name)} data-item>
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
                <Places user={user} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
      {users.length > MAX_USERS && (
        <p class="fine below">
          and {count(users.length - MAX_USERS)} more users with fewer GPUs: filter by name
        </p>
      )}
    </div>
  );
}

/** Hosts that a user's row names, those with the most GPUs; a link leads to all. */
const MAX_PLACES = 8;

function Places({ user: { name, places } }: { user: User }) {
  const isMany = places.length > MAX_PLACES + 1;
  const shown = isMany
    ? [...places].sort((a, b) => b.names.length - a.names.length).slice(0, MAX_PLACES)
    : places;
  return (
    <ul class="places">
      {shown.map(({ host, names }) => (
        <li key={host}>
          <a href={hostAddress(host)} data-tooltip={`GPU ${names.join(", ")}`}>
            {host}
          </a>{" "}
          <span class="fine">{names.length}</span>
        </li>
      ))}
      {isMany && (
        <li>
          <a href={searchFor(name)}>and {count(places.length - MAX_PLACES)} more hosts</a>
        </li>
      )}
    </ul>
  );
}

/** Address of the hosts that a user uses. */
const searchFor = (user: string): string =>
  format({ view: "hosts", query: { q: `user:${/\s/.test(user) ? `"${user}"` : user}` } });

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
