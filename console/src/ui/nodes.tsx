// The nodes of a cluster, what each of them says, and which do not answer.
import type { ComponentChildren } from "preact";
import { Notice } from "./notice";
import "./nodes.css";

/** Figures of a node in the order of the columns, or why there are none. */
export interface NodeFigures {
  node: string;
  figures: string[] | "missing" | "stopped";
}

interface NodeTableProps {
  columns: string[];
  nodes: NodeFigures[];
}

const reasons = {
  missing: <span class="badge bad dot">does not answer</span>,
  stopped: <span class="badge">was stopped</span>,
};

/** Shows the figures of nodes, by name. */
export function NodeTable({ columns, nodes }: NodeTableProps) {
  const rows = [...nodes].sort((a, b) => a.node.localeCompare(b.node));
  return (
    <section class="panel">
      <div class="panel-head">
        <h2>Nodes</h2>
      </div>
      <table class="table nodes">
        <thead>
          <tr>
            {["Node", ...columns].map((column) => (
              <th key={column} scope="col">
                {column}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map(({ node, figures }) => (
            <tr key={node}>
              <td class="main-cell mono">{node}</td>
              {typeof figures === "string" ? (
                <td colSpan={columns.length}>{reasons[figures]}</td>
              ) : (
                figures.map((figure, i) => (
                  <td key={columns[i]} class="fact-cell" data-label={columns[i]}>
                    {figure}
                  </td>
                ))
              )}
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}

interface MissingNodesProps {
  nodes: string[] | undefined;
  /** What that means for what is shown. */
  children: ComponentChildren;
}

/** Names the nodes that do not answer, if there are some. */
export function MissingNodes({ nodes = [], children }: MissingNodesProps) {
  if (nodes.length === 0) return null;
  const title = `${nodes.join(", ")} ${nodes.length === 1 ? "does" : "do"} not answer`;
  return (
    <Notice kind="warn" title={title}>
      <p>{children}</p>
    </Notice>
  );
}
