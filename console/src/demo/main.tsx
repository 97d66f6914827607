import "../styles/tokens.css";
import "../styles/base.css";
import "../styles/shell.css";
import "../styles/ui.css";
import "./demo.css";
import "../theme";
import { render } from "preact";
import { Demo } from "./demo";

render(<Demo />, document.getElementById("app")!);
