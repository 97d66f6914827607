import{c as e,r as t,s as n,t as r,w as i,x as a,y as o,z as s}from"./button-CKv_5ujX.js";import{n as c}from"./app-CxN-2SKt.js";import{m as l,v as u,y as d}from"./signin-BBnWgjrn.js";import{a as f,c as p,i as m,l as h,n as g,o as _,r as v,s as y,t as b}from"./picker-CIvjaCIR.js";var x=`<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8" />
    <meta name="viewport" content="width=device-width, initial-scale=1" />
    <title>Live</title>
    <link rel="icon" href="data:," />
    <style>
      * { box-sizing: border-box; }
      body { margin: 0; background: #0e1016; color: #e9ecf2; font: 15px/1.5 system-ui, sans-serif; }
      main { display: grid; grid-template-columns: 1fr 340px; height: 100dvh; }
      video { width: 100%; height: 100%; background: #000; }
      .chat { display: flex; flex-direction: column; min-height: 0; background: #171a23; }
      ol { flex: 1; margin: 0; padding: 14px; overflow-y: auto; list-style: none; }
      li { overflow-wrap: anywhere; }
      li.deleted { color: #a2abbc; font-style: italic; }
      #status { margin: 0; padding: 0 14px; color: #f2b866; }
      form { display: flex; gap: 8px; padding: 14px; }
      input, button { padding: 9px 12px; border: 0; border-radius: 8px; font: inherit; }
      input { flex: 1; min-width: 0; background: #0e1016; color: inherit; }
      button { background: #5b52f0; color: #fff; cursor: pointer; }
      @media (max-width: 700px) {
        main { grid-template: auto 1fr / 1fr; }
        video { height: auto; aspect-ratio: 16 / 9; }
      }
    </style>
  </head>
  <body>
    <main>
      <video controls playsinline aria-label="Video"></video>
      <section class="chat" aria-label="Chat">
        <ol id="messages" role="log"></ol>
        <p id="status" role="status"></p>
        <form id="form">
          <input id="text" aria-label="Message" placeholder="Say something" autocomplete="off" />
          <button>Send</button>
        </form>
      </section>
    </main>
    <script type="module">
      const chatServer = "CHAT_ENDPOINT";
      const maxMessages = 200; // that the page keeps
      const name = new URLSearchParams(location.search).get("name") ?? "guest";
      const messages = document.getElementById("messages");
      const text = document.getElementById("text");
      const say = (status) => (document.getElementById("status").textContent = status);

      let socket;
      let expired = false; // the server said so, and closes the connection
      let failures = 0; // in a row

      // A token opens one connection, so each connection asks the backend for one.
      async function connect() {
        say("Connecting…");
        try {
          const query = new URLSearchParams({ name });
          const answer = await fetch(\`/chat-token?\${query}\`, { method: "POST" });
          if (!answer.ok) throw new Error(\`no token: \${answer.status}\`);
          const { token } = await answer.json();
          expired = false;
          socket = new WebSocket(chatServer, token);
          socket.onopen = () => {
            failures = 0;
            say("");
          };
          socket.onmessage = (event) => receive(JSON.parse(event.data));
          socket.onclose = (event) => closed(event.wasClean);
        } catch {
          closed(false);
        }
      }

      // A clean close is the server's last word, unless the session had come to its end.
      function closed(clean) {
        if (clean && expired) return connect();
        if (clean) return say("You were disconnected.");
        const seconds = Math.min(30, 2 ** failures++) * (0.5 + Math.random() / 2);
        say("The connection was lost. Trying again…");
        setTimeout(connect, seconds * 1000);
      }

      function receive(frame) {
        if (frame.Type === "MESSAGE") show(frame);
        else if (frame.Type === "EVENT") handle(frame);
        else if (frame.ErrorCode === 401) expired = true;
        else say(\`That was refused: \${frame.ErrorMessage}\`);
      }

      function show({ Id, Sender, Content }) {
        const item = document.createElement("li");
        const from = document.createElement("strong");
        item.id = Id;
        from.textContent = Sender.Attributes?.displayName ?? Sender.UserId;
        item.append(from, " ", Content); // as text: what viewers write is never HTML
        const atEnd = messages.scrollHeight - messages.scrollTop - messages.clientHeight < 40;
        messages.append(item);
        if (messages.children.length > maxMessages) messages.firstChild.remove();
        if (atEnd) messages.scrollTop = messages.scrollHeight;
      }

      // Your backend sends events of its own, such as polls; these two are the service's.
      function handle({ EventName, Attributes }) {
        if (EventName === "aws:DELETE_MESSAGE") {
          const item = document.getElementById(Attributes.MessageID);
          if (!item) return;
          item.className = "deleted";
          item.textContent = "A message was deleted.";
        }
      }

      document.getElementById("form").onsubmit = (event) => {
        event.preventDefault();
        if (!text.value || socket?.readyState !== WebSocket.OPEN) return;
        socket.send(JSON.stringify({ Action: "SEND_MESSAGE", Content: text.value }));
        text.value = "";
      };

      connect();
    <\/script>
  </body>
</html>
`,S=`// Serves chat.html, and makes a token for each viewer who connects.
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { CreateChatTokenCommand, IvschatClient } from "@aws-sdk/client-ivschat";

const room = ROOM;
CLIENT
// Your application knows who is signed in. Here, everybody has the name that they say.
async function tokenFor(name) {
  const answer = await client.send(
    new CreateChatTokenCommand({
      roomIdentifier: room,
      userId: name,
      capabilities: ["SEND_MESSAGE"],
      sessionDurationInMinutes: 60,
      attributes: { displayName: name },
    }),
  );
  return { token: answer.token };
}

const server = createServer(async (request, response) => {
  const url = new URL(request.url, "http://localhost");
  try {
    if (request.method === "GET" && url.pathname === "/") {
      response.setHeader("Content-Type", "text/html; charset=utf-8");
      response.end(await readFile("chat.html"));
    } else if (request.method === "POST" && url.pathname === "/chat-token") {
      response.setHeader("Content-Type", "application/json");
      response.end(JSON.stringify(await tokenFor(url.searchParams.get("name") ?? "guest")));
    } else {
      response.writeHead(404).end();
    }
  } catch (error) {
    console.error(error.message);
    response.writeHead(500).end();
  }
});
server.listen(process.env.PORT ?? 3000, "127.0.0.1", () => {
  console.log(\`http://localhost:\${server.address().port}/?name=Ann\`);
});
`;function C({endpoint:e,region:t,key:n}){let r=n?.id??`YOUR_ACCESS_KEY_ID`,i=n?.secret??`YOUR_SECRET_ACCESS_KEY`;return[{id:`environment`,label:`Environment`,language:`shell`,code:`export AWS_ENDPOINT_URL_IVSCHAT=${e}
export AWS_REGION=${t} AWS_DEFAULT_REGION=${t}
export AWS_ACCESS_KEY_ID=${r}
export AWS_SECRET_ACCESS_KEY=${i}
`},{id:`profile`,label:`Profile`,language:`ini`,file:`~/.aws/config`,code:`# Use it with --profile parley, or with AWS_PROFILE=parley.
[profile parley]
region = ${t}
aws_access_key_id = ${r}
aws_secret_access_key = ${i}
services = parley

[services parley]
ivschat =
  endpoint_url = ${e}
`}]}function w(e){let t=[[`--name`,`lobby`],[`--maximum-message-rate-per-second`,`10`]];return[{id:`aws`,label:`AWS CLI`,language:`shell`,code:v(`aws ivschat create-room`,e,t)},{id:`parley`,label:`parley`,language:`shell`,code:v(`parley create-room`,e,t)},{id:`terraform`,label:`Terraform`,language:`hcl`,file:`main.tf`,code:T(e)}]}function T({endpoint:e,region:t,key:n}){let r=[[`region`,y(t)],...n?[[`access_key`,y(n.id)],[`secret_key`,y(n.secret)]]:[],[`skip_credentials_validation`,`true`],[`skip_metadata_api_check`,`true`],[`skip_region_validation`,`true`],[`skip_requesting_account_id`,`true`]];return`${n?``:`# ${p}\n`}provider "aws" {
${_(r,` = `).map(e=>`  `+e).join(`
`)}

  endpoints {
    ivschat = ${y(e)}
  }
}

resource "aws_ivschat_room" "lobby" {
  name                            = "lobby"
  maximum_message_rate_per_second = 10
}

output "room" {
  value = aws_ivschat_room.lobby.arn
}
`}function E(){return[{id:`messaging`,label:`Messaging SDK`,language:`javascript`,file:`chat.js`,code:`// npm install amazon-ivs-chat-messaging
import { ChatRoom, SendMessageRequest } from "amazon-ivs-chat-messaging";

const room = new ChatRoom({
  regionOrUrl: ${y(o)},
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
`},{id:`websocket`,label:`WebSocket`,language:`javascript`,file:`chat.js`,code:`const { token } = await (await fetch("/chat-token", { method: "POST" })).json();

// The token is the subprotocol.
const socket = new WebSocket(${y(o)}, token);

socket.onmessage = ({ data }) => {
  const frame = JSON.parse(data);
  if (frame.Type === "MESSAGE") console.log(\`\${frame.Sender.UserId}: \${frame.Content}\`);
};
socket.onopen = () => {
  socket.send(JSON.stringify({ Action: "SEND_MESSAGE", RequestId: "1", Content: "Hello!" }));
};
`}]}function D(e,t){return[{id:`page`,label:`Page`,language:`html`,file:`chat.html`,code:x.replace(`"CHAT_ENDPOINT"`,()=>y(o))},{id:`backend`,label:`Backend`,language:`javascript`,file:`server.mjs`,code:S.replace(`ROOM;`,()=>`${y(t)};`).replace(`CLIENT
`,()=>m(e))},{id:`run`,label:`Run it`,language:`shell`,code:`npm install @aws-sdk/client-ivschat
node server.mjs
`}]}var O={userId:`ann`,attributes:{displayName:`Ann`},capabilities:[`SEND_MESSAGE`],sessionMinutes:60};function k({session:l,query:p}){let m=p.get(`room`)??``,g=h(l),_=m||`ROOM_ARN`,v=D(g,_);return e(`div`,{class:`page`,children:[e(c,{title:`Integrate`,lead:`What works with Amazon IVS Chat works with this server: it only has to be told where.`,children:e(`a`,{class:`button`,href:`demo/`,children:[e(n,{name:`play`}),`See a demo`]})}),e(`div`,{class:`stack`,children:[e(`section`,{class:`panel`,children:[e(`div`,{class:`panel-head`,children:e(`h2`,{children:`This server`})}),e(`div`,{class:`panel-body integrate-server`,children:[e(`dl`,{class:`facts`,children:[e(`dt`,{children:`API`}),e(`dd`,{children:e(t,{text:a,label:`address of the API`})}),e(`dt`,{children:`Chat`}),e(`dd`,{children:e(t,{text:o,label:`address of the chat`})}),e(`dt`,{children:`Region`}),e(`dd`,{children:e(t,{text:g.region,label:`region`})}),e(`dt`,{children:`Access key`}),e(`dd`,{children:e(t,{text:l.access.accessKeyId,label:`access key ID`})})]}),e(b,{client:l.client,value:m,onValue:e=>u(d([`integrate`],{room:e}),!0)})]})]}),i!==``&&e(A,{}),e(j,{title:`Tell your tools`,lead:e(s,{children:`AWS tools and SDKs read these, since the middle of 2023. The code below says the same itself.`}),snippets:C(g)}),e(j,{title:`Make rooms`,lead:`One for each stream, or one that stays.`,snippets:w(g)}),e(j,{title:`Make tokens in your backend`,lead:e(s,{children:[`It decides who somebody is and what they may do. The`,` `,e(`a`,{href:d([`token`],{room:m}),children:`token workbench`}),` has all options.`]}),snippets:f(g,_,O)}),e(j,{title:`Connect your viewers`,lead:e(s,{children:`With Amazon's messaging SDK, which comes from npm under its own licence, or with nothing but a WebSocket.`}),snippets:E()}),e(j,{title:`A page to begin with`,lead:e(s,{children:`A video with chat beside it, and the backend that it needs. Save the two files in a folder.`}),snippets:v,children:v.filter(e=>e.file).map(t=>e(r,{small:!0,icon:`download`,onClick:()=>M(t),children:t.file},t.id))})]})]})}function A(){return e(l,{kind:`warn`,title:`A proxy serves this console below ${i}`,children:e(`p`,{children:[`SDKs sign the paths of their calls, so they cannot go through a proxy that takes a part of the path away. Give them an address of the server without it in place of`,` `,e(`code`,{children:a}),`. Viewers can connect through the proxy.`]})})}function j({title:t,lead:n,snippets:r,children:i}){return e(`section`,{class:`panel integrate-step`,children:[e(`div`,{class:`panel-head`,children:[e(`div`,{class:`grow`,children:[e(`h2`,{children:t}),e(`p`,{class:`soft`,children:n})]}),i&&e(`div`,{class:`row wrap`,children:i})]}),e(`div`,{class:`panel-body`,children:e(g,{label:t,snippets:r})})]})}function M({file:e,code:t}){let n=document.createElement(`a`);n.href=URL.createObjectURL(new Blob([t],{type:`text/plain`})),n.download=e,n.click(),setTimeout(()=>URL.revokeObjectURL(n.href),6e4)}export{k as default};