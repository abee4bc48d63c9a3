import type { ComponentChildren } from "preact";
import type { Gpu, Process } from "../../api/types";
import { CopyButton } from "../../components/copy";
import { Value } from "../../components/value";
import { absence, read } from "../../model/absence";
import { bytes, exact, percent, stopwatch } from "../../model/format";
import { placeName } from "../../model/mig";

/** Details of a process: the whole command, and the reasons for absent values. */
export function Details({
  process,
  gpu,
  span,
  now,
}: {
  process: Process;
  gpu: Gpu | undefined;
  span: number;
  now: number;
}) {
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
          {[...readings(process, now), ...places(process, gpu)].map(([name, value]) => (
            <Fact key={name} name={name}>
              {value}
            </Fact>
          ))}
          {reasons.length > 0 && (
            <Fact name="Missing">
              {reasons
                .map(([path, reason]) => `${path.replaceAll("_", " ")}: ${absence(reason).text}`)
                .join(" ")}
            </Fact>
          )}
        </dl>
      </td>
    </tr>
  );
}

function Fact({ name, children }: { name: string; children: ComponentChildren }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}

type NamedFact = [name: string, value: ComponentChildren];

function readings(process: Process, now: number): NamedFact[] {
  const {
    absent,
    pid,
    cpu_percent: cpu,
    name,
    uid,
    started_at: startedAt,
    host_memory_bytes: memory,
  } = process;
  const since = (at: number) => `${stopwatch(now - at)}, since ${exact(at)}`;
  return [
    ["PID", <Value key="" of={read(absent, "pid", pid)} show={String} />],
    ["Type", process.type],
    ["CPU", <Value key="" of={read(absent, "cpu_percent", cpu)} show={percent} />],
    ["Name", <Value key="" of={read(absent, "name", name)} show={name => name} />],
    ["User ID", <Value key="" of={read(absent, "uid", uid)} show={String} />],
    ["Running", <Value key="" of={read(absent, "started_at", startedAt)} show={since} />],
    ["Host memory", <Value key="" of={read(absent, "host_memory_bytes", memory)} show={bytes} />],
  ];
}

/** GPU, MIG instance, job, pod and container. */
function places(process: Process, gpu: Gpu | undefined): NamedFact[] {
  const facts: NamedFact[] = [["GPU", process.gpu_uuid ?? String(process.gpu)]];
  if (process.gpu_instance !== null) {
    const ids = `GPU instance ${process.gpu_instance}, compute instance ${process.compute_instance}`;
    facts.push(["MIG instance", `${placeName(gpu, process)} (${ids})`]);
  }
  if (process.job !== null) facts.push(["Slurm job", jobOf(process)]);
  if (process.pod !== null) {
    const name = [process.pod_namespace, process.pod_name].filter(part => part !== null).join("/");
    facts.push(["Pod", name ? `${name} (${process.pod})` : process.pod]);
  }
  if (process.container !== null) {
    const name = process.container_name;
    const isId = name === null || name === process.container;
    facts.push(["Container", isId ? process.container : `${name} (${process.container})`]);
  }
  const { system_container: system, user } = process;
  if (system !== null && system !== process.container) facts.push(["System container", system]);
  // The table shows the container instead, if the process counts for that.
  if (process.owner_container !== null && user !== null) facts.push(["Account", user]);
  if (process.podman_pod !== null) facts.push(["Podman pod", process.podman_pod]);
  return facts;
}

/** Number of the job as `squeue` shows it, with the raw one if that is another, and the step. */
function jobOf({ job, job_display: shown, job_step: step }: Process): string {
  const number = shown === null || shown === job ? job : `${shown} (${job})`;
  return step === null ? `${number}` : `${number}, step ${step}`;
}
