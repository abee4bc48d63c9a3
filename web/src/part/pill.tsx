import type { Standing } from "../model/gpu";
import { Icon } from "./icon";
import { Tipped } from "./tipped";

export const WORDS: Record<Standing, string> = {
  free: "free",
  busy: "busy",
  held: "held, idle",
  unknown: "unknown",
  stale: "stale",
  lost: "lost",
  denied: "no access",
  asleep: "asleep",
  error: "error",
};

/** How a GPU stands, by word, shape and colour. */
export function Pill({ standing, tip, more }: { standing: Standing; tip?: string; more?: string }) {
  return (
    <Tipped class="pill" data-standing={standing} tip={tip}>
      <Icon name={standing} />
      {WORDS[standing]}
      {more && ` ${more}`}
    </Tipped>
  );
}
