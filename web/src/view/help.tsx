import { useEffect, useRef } from "preact/hooks";
import { helpOpen } from "./shortcuts";

const KEYS: [keys: string[], text: string][] = [
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
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => dialog.current?.showModal(), []);
  return (
    <dialog
      ref={dialog}
      class="help"
      aria-labelledby="help-title"
      onClose={() => {
        helpOpen.value = false;
      }}
    >
      <h2 id="help-title">Keyboard</h2>
      <dl>
        {KEYS.map(([keys, text]) => (
          <>
            <dt>
              {keys.map(key => (
                <>
                  <kbd>{key}</kbd>{" "}
                </>
              ))}
            </dt>
            <dd>{text}</dd>
          </>
        ))}
      </dl>
      <p class="fine">
        Settings can turn the single keys off. The address holds the view, its filters, order, grouping and
        columns.
      </p>
      <p>
        <button type="button" onClick={() => dialog.current?.close()}>
          Close
        </button>
      </p>
    </dialog>
  );
}
