import { type KeyHelp, KeysDialog } from "../components/keys-dialog";

const KEYS: readonly KeyHelp[] = [
  [["/"], "Filter processes by user, command or PID"],
  [["j", "k"], "Next and previous GPU, process, user or event"],
  [["Enter"], "Open it"],
  [["?"], "This help"],
  [["Esc"], "Close a menu, a tooltip or this help; leave the wall"],
  [["←", "→"], "In a chart: move the cursor; with Shift select, with Enter zoom in"],
  [["←", "→", "↑", "↓"], "In the timeline of usage: another session, another device"],
];

/** Keys of the page. */
export function HelpDialog() {
  return (
    <KeysDialog keys={KEYS}>
      Settings can turn the single keys off. The address holds the view, its filters, order, grouping and
      columns.
    </KeysDialog>
  );
}
