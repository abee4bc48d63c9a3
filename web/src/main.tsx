import "./style/tokens.css";
import "./style/base.css";
import "./style/shell.css";
import "./style/parts.css";
import "./style/cards.css";
import "./style/table.css";
import "./style/views.css";
import "./style/charts.css";
import "./style/hosts.css";
import "./style/old.css";
import { render } from "preact";
import { recall } from "./api/token";
import { App } from "./app";
import { followPeers } from "./live/hosts";
import { start } from "./live/start";
import { followAddress } from "./page/route";
import { applyTheme } from "./page/theme";
import { followTips } from "./page/tip";

applyTheme();
recall();
followAddress();
followTips();
start();
followPeers();

const place = document.getElementById("page");
if (place) render(<App />, place);
