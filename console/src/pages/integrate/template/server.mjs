// Serves chat.html, and makes a token for each viewer who connects.
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
  console.log(`http://localhost:${server.address().port}/?name=Ann`);
});
