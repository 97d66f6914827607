// The figures of the server, for those who may see them: the permission is parley:GetMetrics.
import type { IvschatClient } from "@aws-sdk/client-ivschat";
import { extension } from "./client";

/** A number of a node; docs/metrics.md says what each name means. */
export interface Metric {
  name: string;
  labels?: Record<string, string>;
  value: number;
}

export interface ServerMetrics {
  /** When they were read, in RFC 3339. */
  time: string;
  nodes: { node: string; metrics: Metric[] }[];
  /** The names of the nodes that do not answer. */
  missing?: string[];
}

export const getMetrics = (client: IvschatClient, abort?: AbortSignal): Promise<ServerMetrics> =>
  extension<ServerMetrics>(client, "GetMetrics", {}, abort);
