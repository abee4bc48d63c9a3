// Parts that the first view of a host with several GPUs does not show; `parts.tsx` loads them.
export { descriptionOf } from "../model/facts";
export { EventsView } from "./events/view";
export { Charts } from "./gpu/charts/charts";
export { Facts } from "./gpu/facts";
export { HelpDialog } from "./help";
export { UsersView } from "./users";
