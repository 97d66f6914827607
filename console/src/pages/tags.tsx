// The tags of anything that has some: their field in a form, and the dialog that changes them.
import {
  TagResourceCommand,
  UntagResourceCommand,
  type IvschatClient,
} from "@aws-sdk/client-ivschat";
import { useState } from "preact/hooks";
import { PairsField, fromPairs, toPairs, useForm, type Form, type Pairs } from "../ui/form";
import { FormDialog } from "../ui/formdialog";
import { toast } from "../ui/toast";

interface TagsFieldProps {
  form: Form;
  hint?: string;
  tags: Pairs;
  onTags: (tags: Pairs) => void;
}

export function TagsField({ form, hint, tags, onTags }: TagsFieldProps) {
  return (
    <PairsField
      legend="Tags"
      hint={hint}
      noun="tag"
      pairs={tags}
      onPairs={onTags}
      error={form.errorOf("tags")}
    />
  );
}

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
    <FormDialog
      title={`Tags of ${title}`}
      form={form}
      members={["tags"]}
      action="Save"
      onClose={onClose}
    >
      <TagsField form={form} hint={hint} tags={pairs} onTags={setPairs} />
    </FormDialog>
  );
}
