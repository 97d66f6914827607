// The dialog that changes the tags of anything that has some.
import {
  TagResourceCommand,
  UntagResourceCommand,
  type IvschatClient,
} from "@aws-sdk/client-ivschat";
import { useState } from "preact/hooks";
import { Button } from "../ui/button";
import { Dialog } from "../ui/dialog";
import { FormFailure, PairsField, fromPairs, toPairs, useForm, type Pairs } from "../ui/form";
import { toast } from "../ui/toast";

interface EditTagsProps {
  client: IvschatClient;
  arn: string;
  title: string;
  tags: Record<string, string> | undefined;
  hint: string;
  onClose: () => void;
  onDone: (tags: Record<string, string>) => void;
}

export function EditTags({ client, arn, title, tags, hint, onClose, onDone }: EditTagsProps) {
  const before = tags ?? {};
  const [pairs, setPairs] = useState<Pairs>(toPairs(before));
  const form = useForm(async () => {
    const after = fromPairs(pairs);
    const gone = Object.keys(before).filter((key) => !(key in after));
    const changed = Object.entries(after).filter(([key, value]) => before[key] !== value);
    // What is gone goes first, so that there is room for what is new.
    if (gone.length > 0) {
      await client.send(new UntagResourceCommand({ resourceArn: arn, tagKeys: gone }));
    }
    if (changed.length > 0) {
      const tags = Object.fromEntries(changed);
      await client.send(new TagResourceCommand({ resourceArn: arn, tags }));
    }
    toast("The tags are saved.");
    onDone(after);
  });
  return (
    <Dialog title={`Tags of ${title}`} onClose={onClose}>
      <form class="stack" onSubmit={form.submit}>
        <PairsField
          legend="Tags"
          hint={hint}
          noun="tag"
          pairs={pairs}
          onPairs={setPairs}
          error={form.errorOf("tags")}
        />
        <FormFailure form={form} fields={["tags"]} />
        <div class="actions">
          <Button onClick={onClose}>Cancel</Button>
          <Button kind="primary" type="submit" busy={form.busy}>
            Save
          </Button>
        </div>
      </form>
    </Dialog>
  );
}
