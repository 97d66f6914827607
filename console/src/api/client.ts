// Signed calls to the control plane. The AWS SDK makes and signs them, as it does in any
// program; extension() signs the calls that the SDK does not know.
import { IvschatClient } from "@aws-sdk/client-ivschat";
import { clockError, learnClock, prefix } from "./server";

export interface Access {
  accessKeyId: string;
  secretAccessKey: string;
  region: string;
}

/** How long a call may take, in milliseconds. The server gives up after 15 seconds. */
const callTimeout = 20_000;

interface SignedRequest {
  path: string;
}

/**
 * Returns a client of this page's own server. The path that is signed is the one that the
 * server sees. What the request is sent to begins with the prefix, which a proxy takes
 * away again.
 */
export function newClient(access: Access): IvschatClient {
  const client = new IvschatClient({
    region: access.region,
    endpoint: location.origin,
    credentials: access,
    maxAttempts: 3,
    systemClockOffset: -clockError(),
    requestHandler: { requestTimeout: callTimeout },
  });
  client.middlewareStack.add(
    (next) => (args) => {
      const request = args.request as SignedRequest;
      request.path = prefix + request.path;
      return next(args);
    },
    { step: "deserialize", name: "parleyPrefix", priority: "low" },
  );
  return client;
}

/** An error of the control plane, in the form that the SDK gives its own. */
export class ServiceError extends Error {
  readonly fieldList: { name: string; message: string }[];

  constructor(name: string, message: string, fieldList: { name: string; message: string }[]) {
    super(message);
    this.name = name;
    this.fieldList = fieldList;
  }
}

/** Makes a call that only Parley has, such as GetMetrics, and returns its answer. */
export async function extension<Answer>(
  client: IvschatClient,
  name: string,
  input: object = {},
  abort?: AbortSignal,
): Promise<Answer> {
  const body = JSON.stringify(input);
  const signer = await client.config.signer();
  const request = await signer.sign(
    {
      method: "POST",
      protocol: location.protocol,
      hostname: location.hostname,
      path: `/parley/${name}`,
      query: {},
      headers: { host: location.host, "content-type": "application/json" },
      body,
    },
    { signingDate: new Date(Date.now() + client.config.systemClockOffset) },
  );
  const { host: _, ...headers } = request.headers; // the browser's own
  const limit = AbortSignal.timeout(callTimeout);
  const answer = await fetch(`${prefix}/parley/${name}`, {
    method: "POST",
    headers,
    body,
    signal: abort ? AbortSignal.any([abort, limit]) : limit,
  });
  learnClock(answer.headers.get("date"));
  client.config.systemClockOffset = -clockError(); // a device's clock may be set meanwhile
  const text = await answer.text();
  if (answer.ok) return JSON.parse(text) as Answer;
  const type = answer.headers.get("x-amzn-errortype") ?? `HTTP ${answer.status}`;
  throw toServiceError(type, text);
}

function toServiceError(type: string, text: string): ServiceError {
  try {
    const told = JSON.parse(text) as Partial<ServiceError>;
    return new ServiceError(type, told.message ?? "", told.fieldList ?? []);
  } catch {
    return new ServiceError(type, text, []);
  }
}
