// What an application needs to use this server: addresses, and code to copy.
import type { ComponentChildren } from "preact";
import { chatEndpoint, endpoint, prefix } from "../../api/server";
import type { User } from "../../api/tokens";
import { PageHead } from "../../app";
import type { PageProps } from "../../pages";
import { go, href } from "../../router";
import { targetOf, type Snippet } from "../../snippets/snippet";
import { tokenSnippets } from "../../snippets/token";
import { Button, Copyable } from "../../ui/button";
import { Snippets } from "../../ui/code";
import { Icon } from "../../ui/icon";
import { Notice } from "../../ui/notice";
import { RoomPicker } from "../rooms/picker";
import "./integrate.css";
import { roomSnippets, settingsSnippets, templateSnippets, viewerSnippets } from "./snippets";

/** Whom the snippets make a token for. */
const viewer: User = {
  userId: "ann",
  attributes: { displayName: "Ann" },
  capabilities: ["SEND_MESSAGE"],
  sessionMinutes: 60,
};

export default function IntegratePage({ session, query }: PageProps) {
  const room = query.get("room") ?? "";
  const target = targetOf(session);
  const arn = room || "ROOM_ARN";
  const template = templateSnippets(target, arn);
  return (
    <div class="page">
      <PageHead
        title="Integrate"
        lead="What works with Amazon IVS Chat works with this server: it only has to be told where."
      >
        <a class="button" href="demo/">
          <Icon name="play" />
          See a demo
        </a>
      </PageHead>
      <div class="stack">
        <section class="panel">
          <div class="panel-head">
            <h2>This server</h2>
          </div>
          <div class="panel-body integrate-server">
            <dl class="facts">
              <dt>API</dt>
              <dd>
                <Copyable text={endpoint} label="address of the API" />
              </dd>
              <dt>Chat</dt>
              <dd>
                <Copyable text={chatEndpoint} label="address of the chat" />
              </dd>
              <dt>Region</dt>
              <dd>
                <Copyable text={target.region} label="region" />
              </dd>
              <dt>Access key</dt>
              <dd>
                <Copyable text={session.access.accessKeyId} label="access key ID" />
              </dd>
            </dl>
            <RoomPicker
              client={session.client}
              value={room}
              onValue={(chosen) => go(href(["integrate"], { room: chosen }), true)}
            />
          </div>
        </section>
        {prefix !== "" && <PrefixNotice />}
        <Step
          title="Tell your tools"
          lead={
            <>
              AWS tools and SDKs read these, since the middle of 2023. The code below says the same
              itself.
            </>
          }
          snippets={settingsSnippets(target)}
        />
        <Step
          title="Make rooms"
          lead="One for each stream, or one that stays."
          snippets={roomSnippets(target)}
        />
        <Step
          title="Make tokens in your backend"
          lead={
            <>
              It decides who somebody is and what they may do. The{" "}
              <a href={href(["token"], { room })}>token workbench</a> has all options.
            </>
          }
          snippets={tokenSnippets(target, arn, viewer)}
        />
        <Step
          title="Connect your viewers"
          lead={
            <>
              With Amazon's messaging SDK, which comes from npm under its own licence, or with
              nothing but a WebSocket.
            </>
          }
          snippets={viewerSnippets()}
        />
        <Step
          title="A page to begin with"
          lead={
            <>
              A video with chat beside it, and the backend that it needs. Save the two files in a
              folder.
            </>
          }
          snippets={template}
        >
          {template
            .filter((s) => s.file)
            .map((s) => (
              <Button key={s.id} small icon="download" onClick={() => download(s)}>
                {s.file}
              </Button>
            ))}
        </Step>
      </div>
    </div>
  );
}

/** An SDK signs the path that it sends, and a proxy that changes it breaks the signature. */
function PrefixNotice() {
  return (
    <Notice kind="warn" title={`A proxy serves this console below ${prefix}`}>
      <p>
        SDKs sign the paths of their calls, so they cannot go through a proxy that takes a part of
        the path away. Give them an address of the server without it in place of{" "}
        <code>{endpoint}</code>. Viewers can connect through the proxy.
      </p>
    </Notice>
  );
}

interface StepProps {
  title: string;
  lead: ComponentChildren;
  snippets: Snippet[];
  children?: ComponentChildren;
}

function Step({ title, lead, snippets, children }: StepProps) {
  return (
    <section class="panel integrate-step">
      <div class="panel-head">
        <div class="grow">
          <h2>{title}</h2>
          <p class="soft">{lead}</p>
        </div>
        {children && <div class="row wrap">{children}</div>}
      </div>
      <div class="panel-body">
        <Snippets label={title} snippets={snippets} />
      </div>
    </section>
  );
}

function download({ file, code }: Snippet): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([code], { type: "text/plain" }));
  link.download = file!;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000); // when the browser has read it
}
