import { hosts } from "../live/store";
import { Grid } from "./grid";
import { Legend } from "./legend";
import { look, shown } from "./state";
import { Table } from "./table";
import { Tools } from "./tools";
import { Totals } from "./totals";

/** All hosts, as a table or a grid. */
export function HostsView() {
  return (
    <>
      <Totals />
      <section class="panel" aria-label="Hosts">
        <Tools />
        {shown.value.length === 0 ? <Nothing /> : look.value === "grid" ? <Grid /> : <Table />}
        <Legend />
      </section>
    </>
  );
}

function Nothing() {
  return (
    <p class="nothing">
      {hosts.value.size === 0 ? "The list of hosts is empty: see --hosts." : "No host matches the search."}
    </p>
  );
}
