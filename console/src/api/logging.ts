// Logging configurations as the pages show them, and how their logs are doing.
import {
  GetLoggingConfigurationCommand,
  ListLoggingConfigurationsCommand,
  type DestinationConfiguration,
  type IvschatClient,
  type LoggingConfigurationSummary,
} from "@aws-sdk/client-ivschat";
import { extension } from "./client";

/** The answers of the calls about one, and the entries of lists, have the same members. */
export type LoggingConfiguration = LoggingConfigurationSummary;

export type DestinationKind = "s3" | "cloudWatchLogs" | "firehose";

export interface Destination {
  kind: DestinationKind;
  /** Of the bucket, log group or delivery stream. */
  name: string;
}

export const destinationKinds: Record<DestinationKind, { label: string; noun: string }> = {
  s3: { label: "Amazon S3", noun: "Bucket" },
  cloudWatchLogs: { label: "CloudWatch Logs", noun: "Log group" },
  firehose: { label: "Data Firehose", noun: "Delivery stream" },
};

export function destinationOf(union: DestinationConfiguration | undefined): Destination {
  if (union?.cloudWatchLogs) {
    return { kind: "cloudWatchLogs", name: union.cloudWatchLogs.logGroupName ?? "" };
  }
  if (union?.firehose) return { kind: "firehose", name: union.firehose.deliveryStreamName ?? "" };
  return { kind: "s3", name: union?.s3?.bucketName ?? "" };
}

export function toUnion({ kind, name }: Destination): DestinationConfiguration {
  if (kind === "cloudWatchLogs") return { cloudWatchLogs: { logGroupName: name } };
  if (kind === "firehose") return { firehose: { deliveryStreamName: name } };
  return { s3: { bucketName: name } };
}

export const getLoggingConfiguration = (
  client: IvschatClient,
  identifier: string,
  abortSignal: AbortSignal,
): Promise<LoggingConfiguration> =>
  client.send(new GetLoggingConfigurationCommand({ identifier }), { abortSignal });

export interface LogPage {
  logs: LoggingConfiguration[];
  nextToken?: string | undefined;
}

/** Returns a page of the logging configurations; the first has an empty token. */
export async function listLoggingConfigurations(
  client: IvschatClient,
  token: string,
  abortSignal: AbortSignal,
): Promise<LogPage> {
  const command = new ListLoggingConfigurationsCommand(token ? { nextToken: token } : {});
  const { loggingConfigurations, nextToken } = await client.send(command, { abortSignal });
  return { logs: loggingConfigurations!, nextToken };
}

/** Returns all logging configurations. */
export async function listAllLoggingConfigurations(
  client: IvschatClient,
  abort: AbortSignal,
): Promise<LoggingConfiguration[]> {
  const all: LoggingConfiguration[] = [];
  let token = "";
  do {
    const page = await listLoggingConfigurations(client, token, abort);
    all.push(...page.logs);
    token = page.nextToken ?? "";
  } while (token);
  return all;
}

/** How the logs of a configuration are doing on a node that has logged something. */
export interface Delivery {
  /** Empty when it is the only node. */
  node: string;
  loggingConfiguration: string; // ARN
  /** What the destination's name means. */
  where?: string;
  queuedBytes: number;
  /** The age of the oldest record that waits. */
  lagSeconds: number;
  delivered: number;
  dropped: number;
  lastDelivery?: string;
  /** Since when deliveries fail, and how. When they succeed again, this is gone. */
  failingSince?: string;
  errorKind?: string;
  lastError?: string;
}

export interface Deliveries {
  deliveries: Delivery[];
  /** The names of the nodes that do not answer. */
  missing?: string[];
}

/** Returns the deliveries of a configuration, or those of all. */
export const getDeliveries = (
  client: IvschatClient,
  identifier: string | undefined,
  abort: AbortSignal,
): Promise<Deliveries> =>
  extension(client, "GetLogDeliveries", identifier === undefined ? {} : { identifier }, abort);

/** What a logging configuration is called where people read it. */
export const titleOf = (log: { name?: string | undefined; id?: string | undefined }): string =>
  log.name || log.id || "Logging configuration";
