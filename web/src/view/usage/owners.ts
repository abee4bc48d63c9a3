import { snapshot } from "../../live/store";
import { type Owner, ownerOf } from "../../model/owner";

/** Owners of the processes in the newest snapshot. */
export const presentOwners = (): Owner[] => (snapshot.peek()?.processes ?? []).map(ownerOf);
