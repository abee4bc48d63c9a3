import { colours } from "../live/store";
import { bytes, percent } from "../model/format";
import type { Part } from "../model/memory";

const LABELS = { unattributed: "processes not visible here", reserved: "driver and firmware" } as const;

export const partName = (part: Part): string =>
  part.kind === "owner" ? part.owner.label : LABELS[part.kind];

/** A GPU's memory by owner, as a bar. The text beside it has the sum, this has the parts. */
export function MemoryBar({ parts, label }: { parts: readonly Part[]; label: string }) {
  const described = parts.map(part => `${partName(part)} ${bytes(part.bytes)}`).join(", ");
  return (
    <div class="bar" role="img" aria-label={described ? `${label}: ${described}` : label}>
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

/** Colour of a user, always beside the name. */
export function Swatch({ of }: { of: string }) {
  return <i class="swatch" data-colour={colours.of(of)} aria-hidden="true" />;
}
