/** The place of the other hosts' row. */
export function Hosts() {
  return null;
}
