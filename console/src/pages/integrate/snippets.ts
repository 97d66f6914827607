// What the page has to copy, besides the call that makes a token.
import { chatEndpoint } from "../../api/server";
import { columns, string } from "../../snippets/quote";
import { keyHint, type Snippet, type Target } from "../../snippets/snippet";
import { command, javascriptClient } from "../../snippets/token";
import page from "./template/chat.html?raw";
import backend from "./template/server.mjs?raw";

/** How tools and SDKs are told of the server, without a word in their code. */
export function settingsSnippets({ endpoint, region, key }: Target): Snippet[] {
  const id = key?.id ?? "YOUR_ACCESS_KEY_ID";
  const secret = key?.secret ?? "YOUR_SECRET_ACCESS_KEY";
  return [
    {
      id: "environment",
      label: "Environment",
      language: "shell",
      code: `export AWS_ENDPOINT_URL_IVSCHAT=${endpoint}
export AWS_REGION=${region} AWS_DEFAULT_REGION=${region}
export AWS_ACCESS_KEY_ID=${id}
export AWS_SECRET_ACCESS_KEY=${secret}
`,
    },
    {
      id: "profile",
      label: "Profile",
      language: "ini",
      file: "~/.aws/config",
      code: `# Use it with --profile parley, or with AWS_PROFILE=parley.
[profile parley]
region = ${region}
aws_access_key_id = ${id}
aws_secret_access_key = ${secret}
services = parley

[services parley]
ivschat =
  endpoint_url = ${endpoint}
`,
    },
  ];
}

/** How rooms are made. */
export function roomSnippets(target: Target): Snippet[] {
  const options: [string, string][] = [
    ["--name", "lobby"],
    ["--maximum-message-rate-per-second", "10"],
  ];
  return [
    {
      id: "aws",
      label: "AWS CLI",
      language: "shell",
      code: command("aws ivschat create-room", target, options),
    },
    {
      id: "parley",
      label: "parley",
      language: "shell",
      code: command("parley create-room", target, options),
    },
    {
      id: "terraform",
      label: "Terraform",
      language: "hcl",
      file: "main.tf",
      code: terraform(target),
    },
  ];
}

function terraform({ endpoint, region, key }: Target): string {
  const settings: [string, string][] = [
    ["region", string(region)],
    ...(key
      ? ([
          ["access_key", string(key.id)],
          ["secret_key", string(key.secret)],
        ] as [string, string][])
      : []),
    ["skip_credentials_validation", "true"],
    ["skip_metadata_api_check", "true"],
    ["skip_region_validation", "true"],
    ["skip_requesting_account_id", "true"],
  ];
  return `${key ? "" : `# ${keyHint}\n`}provider "aws" {
${columns(settings, " = ")
  .map((line) => "  " + line)
  .join("\n")}

  endpoints {
    ivschat = ${string(endpoint)}
  }
}

resource "aws_ivschat_room" "lobby" {
  name                            = "lobby"
  maximum_message_rate_per_second = 10
}

output "room" {
  value = aws_ivschat_room.lobby.arn
}
`;
}

/** How viewers connect. */
export function viewerSnippets(): Snippet[] {
  return [
    {
      id: "messaging",
      label: "Messaging SDK",
      language: "javascript",
      file: "chat.js",
      code: `// npm install amazon-ivs-chat-messaging
import { ChatRoom, SendMessageRequest } from "amazon-ivs-chat-messaging";

const room = new ChatRoom({
  regionOrUrl: ${string(chatEndpoint)},
  // Your backend makes a token, as above. The SDK asks for one each time it connects.
  tokenProvider: async () => {
    const { token } = await (await fetch("/chat-token", { method: "POST" })).json();
    return { token };
  },
});

room.addListener("message", ({ sender, content }) => {
  console.log(\`\${sender.userId}: \${content}\`);
});
room.addListener("connect", () => room.sendMessage(new SendMessageRequest("Hello!")));
room.connect();
`,
    },
    {
      id: "websocket",
      label: "WebSocket",
      language: "javascript",
      file: "chat.js",
      code: `const { token } = await (await fetch("/chat-token", { method: "POST" })).json();

// The token is the subprotocol.
const socket = new WebSocket(${string(chatEndpoint)}, token);

socket.onmessage = ({ data }) => {
  const frame = JSON.parse(data);
  if (frame.Type === "MESSAGE") console.log(\`\${frame.Sender.UserId}: \${frame.Content}\`);
};
socket.onopen = () => {
  socket.send(JSON.stringify({ Action: "SEND_MESSAGE", RequestId: "1", Content: "Hello!" }));
};
`,
    },
  ];
}

/** A page with a chat, and the backend that it needs. */
export function templateSnippets(target: Target, room: string): Snippet[] {
  return [
    {
      id: "page",
      label: "Page",
      language: "html",
      file: "chat.html",
      code: page.replace('"CHAT_ENDPOINT"', () => string(chatEndpoint)),
    },
    {
      id: "backend",
      label: "Backend",
      language: "javascript",
      file: "server.mjs",
      code: backend
        .replace("ROOM;", () => `${string(room)};`)
        .replace("CLIENT\n", () => javascriptClient(target)),
    },
    {
      id: "run",
      label: "Run it",
      language: "shell",
      code: `npm install @aws-sdk/client-ivschat
node server.mjs
`,
    },
  ];
}
