import { colours } from "../live/store";
import { bytes, percent } from "../model/format";
import type { Part } from "../model/memory";

const NAMES = { unattributed: "no listed process", reserved: "driver and firmware" } as const;

export const partName = (part: Part): string => (part.kind === "owner" ? part.owner.label : NAMES[part.kind]);

/** Whose a GPU's memory is, as a bar. The text beside it says the sum; this says the parts. */
export function MemoryBar({ parts, label }: { parts: readonly Part[]; label: string }) {
  const told = parts.map(part => `${partName(part)} ${bytes(part.bytes)}`).join(", ");
  return (
    <div class="bar" role="img" aria-label={told ? `${label}: ${told}` : label}>
      {parts.map(part => (
        <i
          key={part.kind === "owner" ? part.owner.key : part.kind}
          class={part.kind}
          data-colour={part.kind === "owner" ? colours.of(part.owner.key) : undefined}
          data-tooltip={`${partName(part)}: ${bytes(part.bytes)}, ${percent(part.of * 100)}`}
          style={{ "--of": part.of }}
        />
      ))}
    </div>
  );
}

/** How much of its limit a number is; nothing where there is no limit. */
export function Meter({ of, high = false }: { of: number | null; high?: boolean }) {
  if (of === null) return <div class="meter none" />;
  const part = Math.min(1, Math.max(0, of));
  return <div class={high ? "meter high" : "meter"} style={{ "--of": part }} />;
}

/** The colour of a user; the name always stands beside it. */
export function Swatch({ of }: { of: string }) {
  return <i class="swatch" data-colour={colours.of(of)} aria-hidden="true" />;
}
