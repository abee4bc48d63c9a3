import "../style/tokens.css";
import "./docs.css";
import { render } from "preact";
import { loadToken } from "../api/token";
import { applyTheme } from "../browser/theme";
import { Docs } from "./docs";

applyTheme();
loadToken();

const place = document.getElementById("docs");
if (place) render(<Docs />, place);
