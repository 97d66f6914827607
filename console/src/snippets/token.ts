// The call that makes a chat token, in each language.
import type { User } from "../api/tokens";
import { columns, entries, object, shell, string } from "./quote";
import { keyHint, type Snippet, type Target } from "./snippet";

/** Returns the call that makes a token for a user of a room, for each language. */
export function tokenSnippets(target: Target, room: string, user: User): Snippet[] {
  return [
    {
      id: "aws",
      label: "AWS CLI",
      language: "shell",
      code: command("aws ivschat create-chat-token", target, tokenOptions(room, user)),
    },
    {
      id: "parley",
      label: "parley",
      language: "shell",
      code: command("parley create-chat-token", target, tokenOptions(room, user)),
    },
    {
      id: "javascript",
      label: "JavaScript",
      language: "javascript",
      code: javascript(target, room, user),
      file: "chat-token.mjs",
    },
    {
      id: "python",
      label: "Python",
      language: "python",
      code: python(target, room, user),
      file: "chat_token.py",
    },
    { id: "go", label: "Go", language: "go", code: go(target, room, user), file: "main.go" },
  ];
}

/** A command of the AWS CLI, or of parley, whose options are the same. */
export function command(name: string, target: Target, options: [string, string][]): string {
  const { endpoint, region, key } = target;
  const first = key
    ? `AWS_ACCESS_KEY_ID=${shell(key.id)} AWS_SECRET_ACCESS_KEY=${shell(key.secret)} \\\n`
    : `# ${keyHint}\n`;
  const all: [string, string][] = [
    ["--endpoint-url", shell(endpoint)],
    ["--region", shell(region)],
    ...options,
  ];
  return first + [name, ...all.map((option) => "  " + written(option))].join(" \\\n") + "\n";
}

/** An option with its value. One that begins with - would be taken for another option. */
const written = ([name, value]: [string, string]): string =>
  name + (/^'?-/.test(value) ? "=" : " ") + value;

function tokenOptions(room: string, user: User): [string, string][] {
  const options: [string, string][] = [
    ["--room-identifier", shell(room)],
    ["--user-id", shell(user.userId)],
  ];
  if (user.capabilities.length) options.push(["--capabilities", user.capabilities.join(" ")]);
  options.push(["--session-duration-in-minutes", String(user.sessionMinutes)]);
  if (hasAttributes(user)) options.push(["--attributes", shell(JSON.stringify(user.attributes))]);
  return options;
}

const hasAttributes = (user: User): boolean => Object.keys(user.attributes).length > 0;

function javascript(target: Target, room: string, user: User): string {
  const members = [
    `roomIdentifier: ${string(room)},`,
    `userId: ${string(user.userId)},`,
    `capabilities: ${JSON.stringify(user.capabilities).replaceAll(",", ", ")},`,
    `sessionDurationInMinutes: ${user.sessionMinutes},`,
    ...(hasAttributes(user) ? [`attributes: ${object(user.attributes)},`] : []),
  ];
  return `import { CreateChatTokenCommand, IvschatClient } from "@aws-sdk/client-ivschat";

${javascriptClient(target)}
const answer = await client.send(
  new CreateChatTokenCommand({
${members.map((line) => "    " + line).join("\n")}
  }),
);
console.log(answer.token);
`;
}

/** A client of the AWS SDK for JavaScript. */
export function javascriptClient({ endpoint, region, key }: Target): string {
  const credentials = key
    ? `  credentials: ${object({ accessKeyId: key.id, secretAccessKey: key.secret })},\n`
    : "";
  return `${key ? "" : `// ${keyHint}\n`}const client = new IvschatClient({
  endpoint: ${string(endpoint)},
  region: ${string(region)},
${credentials}});
`;
}

function python({ endpoint, region, key }: Target, room: string, user: User): string {
  const credentials = key
    ? `    aws_access_key_id=${string(key.id)},
    aws_secret_access_key=${string(key.secret)},
`
    : "";
  const attributes = hasAttributes(user) ? `    attributes={${entries(user.attributes)}},\n` : "";
  return `import boto3

${key ? "" : `# ${keyHint}\n`}ivschat = boto3.client(
    "ivschat",
    endpoint_url=${string(endpoint)},
    region_name=${string(region)},
${credentials})
answer = ivschat.create_chat_token(
    roomIdentifier=${string(room)},
    userId=${string(user.userId)},
    capabilities=${JSON.stringify(user.capabilities).replaceAll(",", ", ")},
    sessionDurationInMinutes=${user.sessionMinutes},
${attributes})
print(answer["token"])
`;
}

/** The constants of the AWS SDK for Go. */
const goCapabilities: Record<string, string> = {
  SEND_MESSAGE: "types.ChatTokenCapabilitySendMessage",
  DELETE_MESSAGE: "types.ChatTokenCapabilityDeleteMessage",
  DISCONNECT_USER: "types.ChatTokenCapabilityDisconnectUser",
};

function go(target: Target, room: string, user: User): string {
  const fields: [string, string][] = [
    ["RoomIdentifier:", `aws.String(${string(room)}),`],
    ["UserId:", `aws.String(${string(user.userId)}),`],
    ["SessionDurationInMinutes:", `aws.Int32(${user.sessionMinutes}),`],
  ];
  const members = columns(fields);
  if (user.capabilities.length) {
    const names = user.capabilities.map((c) => `\n\t\t\t${goCapabilities[c]},`).join("");
    members.push(`Capabilities: []types.ChatTokenCapability{${names}\n\t\t},`);
  }
  if (hasAttributes(user)) {
    members.push(`Attributes: map[string]string{${entries(user.attributes)}},`);
  }
  return `package main

import (
	"context"
	"fmt"
	"log"

${goImports(target, user)}
)

func main() {
	ctx := context.Background()
${goConfig(target)}
	if err != nil {
		log.Fatal(err)
	}
	client := ivschat.NewFromConfig(cfg, func(o *ivschat.Options) {
		o.BaseEndpoint = aws.String(${string(target.endpoint)})
	})
	answer, err := client.CreateChatToken(ctx, &ivschat.CreateChatTokenInput{
${members.map((line) => "\t\t" + line).join("\n")}
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(*answer.Token)
}
`;
}

function goImports({ key }: Target, user: User): string {
  const names = ["aws", "config", "service/ivschat"];
  if (key) names.push("credentials");
  if (user.capabilities.length) names.push("service/ivschat/types");
  return names
    .sort()
    .map((name) => `\t"github.com/aws/aws-sdk-go-v2/${name}"`)
    .join("\n");
}

function goConfig({ region, key }: Target): string {
  const load = `	cfg, err := config.LoadDefaultConfig(ctx,
		config.WithRegion(${string(region)}),
`;
  if (!key) return `\t// ${keyHint}\n${load}\t)`;
  const words = [key.id, key.secret, ""].map(string).join(", ");
  return `${load}		config.WithCredentialsProvider(
			credentials.NewStaticCredentialsProvider(${words})),
	)`;
}
