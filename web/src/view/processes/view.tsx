import { ProcessPanel } from "./panel";

export function ProcessesView() {
  return <ProcessPanel />;
}
