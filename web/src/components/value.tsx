import type { ComponentChildren } from "preact";
import type { Absence, Reading } from "../model/absence";
import { DASH } from "../model/format";

/** Placeholder for an absent value: it shows the kind of absence, and the reason on hover and focus. */
export function Absent({ why, what, quiet = false }: { why: Absence; what?: string; quiet?: boolean }) {
  const text = what ? `${what}: ${why.text}` : why.text;
  const shown = why.reason === "not_supported" ? DASH : why.word;
  if (quiet) {
    return (
      <span class="absent" data-reason={why.reason} data-tooltip={text}>
        <span aria-hidden="true">{shown}</span>
        <span class="unseen">{why.text}</span>
      </span>
    );
  }
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: the reason must be had without a mouse
    <span class="absent" data-reason={why.reason} data-tooltip={text} tabIndex={0}>
      <span aria-hidden="true">{shown}</span>
      <span class="unseen">{text}</span>
    </span>
  );
}

/** A value as text, or the reason for its absence. */
export function Value<T>({
  of,
  show,
  what,
  quiet = false,
}: {
  of: Reading<T>;
  show: (value: T) => ComponentChildren;
  /** Name of the value, for users who do not see its place. */
  what?: string;
  /** In tables: no tab stop, since the row's details have the reason as well. */
  quiet?: boolean;
}) {
  if (of.why) return <Absent why={of.why} quiet={quiet} {...(what ? { what } : {})} />;
  return <>{show(of.value)}</>;
}
