import { type KeyHelp, KeysDialog } from "../../components/keys-dialog";

const KEYS: readonly KeyHelp[] = [
  [["/"], "Search hosts"],
  [["f"], "Find free GPUs"],
  [["j", "k"], "Next and previous host, user or result"],
  [["Enter"], "Open its page"],
  [["?"], "This help"],
  [["Esc"], "Close a menu, a tooltip or this help; leave the wall"],
];

/** Keys of the page. */
export function HelpDialog() {
  return (
    <KeysDialog keys={KEYS}>
      Hosts off screen are not rendered: search with / instead of the browser's search in the page. The
      address holds the view, its search, order, grouping and columns. Settings can turn the single keys off.
    </KeysDialog>
  );
}
