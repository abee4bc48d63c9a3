import type { ComponentChildren } from "preact";
import type { Process } from "../../api/types";
import { CopyButton } from "../../components/copy";
import { Value } from "../../components/value";
import { absence, read } from "../../model/absence";
import { bytes, exact, percent, stopwatch } from "../../model/format";

/** Details of a process: the whole command, and the reasons for absent values. */
export function Details({ process, span, now }: { process: Process; span: number; now: number }) {
  const facts: [string, ComponentChildren][] = [
    ["PID", <Value key="" of={read(process.absent, "pid", process.pid)} show={String} />],
    ["Type", process.type],
    ["CPU", <Value key="" of={read(process.absent, "cpu_percent", process.cpu_percent)} show={percent} />],
    ["Name", <Value key="" of={read(process.absent, "name", process.name)} show={name => name} />],
    ["User ID", <Value key="" of={read(process.absent, "uid", process.uid)} show={String} />],
    [
      "Running",
      <Value
        key=""
        of={read(process.absent, "started_at", process.started_at)}
        show={at => `${stopwatch(now - at)}, since ${exact(at)}`}
      />,
    ],
    [
      "Host memory",
      <Value key="" of={read(process.absent, "host_memory_bytes", process.host_memory_bytes)} show={bytes} />,
    ],
    ["GPU", process.gpu_uuid ?? String(process.gpu)],
  ];
  if (process.gpu_instance !== null) {
    facts.push([
      "MIG instance",
      `GPU instance ${process.gpu_instance}, compute instance ${process.compute_instance}`,
    ]);
  }
  if (process.job !== null) facts.push(["Slurm job", process.job]);
  if (process.pod !== null) {
    const name = [process.pod_namespace, process.pod_name].filter(part => part !== null).join("/");
    facts.push(["Pod", name ? `${name} (${process.pod})` : process.pod]);
  }
  if (process.container !== null) {
    const name = process.container_name;
    facts.push(["Container", name === null ? process.container : `${name} (${process.container})`]);
  }
  const reasons = Object.entries(process.absent);
  return (
    <tr role="row" class="details">
      <td role="cell" colSpan={span}>
        <div class="whole">
          <code>{process.command || process.name || ""}</code>
          {process.command && (
            <CopyButton
              text={process.command}
              label="Copy"
              name="Copy the command"
              title="Copy the whole command"
            />
          )}
        </div>
        <dl>
          {facts.map(([name, value]) => (
            <div key={name}>
              <dt>{name}</dt>
              <dd>{value}</dd>
            </div>
          ))}
          {reasons.length > 0 && (
            <div>
              <dt>Missing</dt>
              <dd>
                {reasons
                  .map(([path, reason]) => `${path.replaceAll("_", " ")}: ${absence(reason).text}`)
                  .join(" ")}
              </dd>
            </div>
          )}
        </dl>
      </td>
    </tr>
  );
}
