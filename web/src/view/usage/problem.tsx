import type { Failure } from "../../live/usage";

/** Reason why there is no usage to show, and what to do. */
export function Problem({
  failure: { status, why },
  ofGpu = false,
  retry,
}: {
  failure: Failure;
  /** True if the question was about one GPU. */
  ofGpu?: boolean;
  retry: (() => void) | null;
}) {
  const [title, canRetry] = wordsOf(status, ofGpu);
  return (
    <div class="nothing" role="status">
      <p>
        <b>{title}</b>
      </p>
      {why !== "" && <p>{why}</p>}
      {canRetry && retry !== null && (
        <p>
          <button type="button" onClick={retry}>
            Retry
          </button>
        </p>
      )}
    </div>
  );
}

function wordsOf(status: number | null, ofGpu: boolean): [title: string, canRetry: boolean] {
  switch (status) {
    case 400:
      return ["The agent refuses this period or filter.", false];
    case 401:
    case 403:
      return ["This token may not see it.", false];
    case 404:
      return [ofGpu ? "No usage of this GPU." : "This agent keeps no usage.", false];
    case 503:
      return ["The agent is busy with other questions about usage.", true];
    default:
      return ["Usage could not be loaded.", true];
  }
}
