import "./styles/tokens.css";
import "./styles/base.css";
import "./styles/shell.css";
import "./styles/ui.css";
import "./theme";
import { render } from "preact";
import { App } from "./app";

render(<App />, document.getElementById("app")!);
