// The page of something that has settings and tags: a room, or a logging configuration.
import type { IvschatClient } from "@aws-sdk/client-ivschat";
import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import { PageHead } from "../app";
import { useGo } from "../router";
import { Button } from "../ui/button";
import { Panel } from "../ui/panel";
import { Tags } from "../ui/tags";
import { EditTags } from "./tags";

interface Resource {
  arn?: string | undefined;
  tags?: Record<string, string> | undefined;
}

interface ResourcePageProps<R extends Resource> {
  client: IvschatClient;
  resource: R;
  title: string;
  tagsHint: string;
  /** The list that it is in, where one is after it was deleted. */
  list: { label: string; href: string };
  /** Leads to other pages of the resource. */
  tabs?: ComponentChildren;
  onChange: (resource: R) => void;
  editDialog: (end: { onClose: () => void; onDone: (changed: R) => void }) => ComponentChildren;
  deleteDialog: (end: { onClose: () => void; onDone: () => void }) => ComponentChildren;
  /** Its panels, but for the one of its tags. */
  children: ComponentChildren;
}

export function ResourcePage<R extends Resource>(props: ResourcePageProps<R>) {
  const { client, resource, title, list, onChange } = props;
  const goLater = useGo();
  const [open, setOpen] = useState<"edit" | "tags" | "delete" | null>(null);
  const onClose = () => setOpen(null);
  const onDone = (changed: R) => {
    onChange(changed);
    onClose();
  };
  return (
    <div class="page">
      <PageHead title={title} crumbs={[list]}>
        <Button icon="edit" onClick={() => setOpen("edit")}>
          Edit
        </Button>
        <Button class="bad-text" icon="trash" onClick={() => setOpen("delete")}>
          Delete
        </Button>
      </PageHead>
      {props.tabs}
      <div class="stack">
        {props.children}
        <TagsPanel tags={resource.tags ?? {}} edit={() => setOpen("tags")} />
      </div>
      {open === "edit" && props.editDialog({ onClose, onDone })}
      {open === "tags" && (
        <EditTags
          client={client}
          arn={resource.arn!}
          title={title}
          tags={resource.tags}
          hint={props.tagsHint}
          onClose={onClose}
          onChange={(tags) => onChange({ ...resource, tags })}
        />
      )}
      {open === "delete" && props.deleteDialog({ onClose, onDone: () => goLater(list.href) })}
    </div>
  );
}

function TagsPanel({ tags, edit }: { tags: Record<string, string>; edit: () => void }) {
  return (
    <Panel
      title="Tags"
      action={
        <Button small icon="edit" onClick={edit}>
          Edit tags
        </Button>
      }
    >
      {Object.keys(tags).length > 0 ? <Tags tags={tags} /> : <span class="soft">No tags.</span>}
    </Panel>
  );
}
