import { SettingsMenu } from "../../components/settings-menu";

/** Settings. */
export const Menu = () => <SettingsMenu />;
