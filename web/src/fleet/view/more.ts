// Parts that the first view does not need, in one file.
export { FindView } from "./find";
export { HelpDialog } from "./help";
export { UsersView } from "./users";
export { Wall } from "./wall";
