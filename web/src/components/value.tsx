import type { ComponentChildren } from "preact";
import type { Absence, Reading } from "../model/absence";
import { DASH } from "../model/format";

/** That a value is absent: what kind of absence shows, why is said on hover and focus. */
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

/** A value as text, or why it is absent. */
export function Value<T>({
  of,
  show,
  what,
  quiet = false,
}: {
  of: Reading<T>;
  show: (value: T) => ComponentChildren;
  /** What it is, for whoever does not see where it stands. */
  what?: string;
  /** In tables: not a stop for the keyboard, since a row's details say why as well. */
  quiet?: boolean;
}) {
  if (of.why) return <Absent why={of.why} quiet={quiet} {...(what ? { what } : {})} />;
  return <>{show(of.value)}</>;
}
