import { useEffect, useRef } from "preact/hooks";
import { helpOpen } from "./keys";

const KEYS: [keys: string[], text: string][] = [
  [["/"], "Search hosts"],
  [["f"], "Find free GPUs"],
  [["j", "k"], "Next and previous host, user or result"],
  [["Enter"], "Open its page"],
  [["?"], "This help"],
  [["Esc"], "Close a menu, a tooltip or this help; leave the wall"],
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
        Hosts off screen are not rendered: search with / instead of the browser's search in the page. The
        address holds the view, its search, order, grouping and columns. Settings can turn the single keys
        off.
      </p>
      <p>
        <button type="button" onClick={() => dialog.current?.close()}>
          Close
        </button>
      </p>
    </dialog>
  );
}
