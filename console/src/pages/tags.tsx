// The tags of anything that has some: their field in a form, and the dialog that changes them.
import {
  TagResourceCommand,
  UntagResourceCommand,
  type IvschatClient,
} from "@aws-sdk/client-ivschat";
import { useState } from "preact/hooks";
import {
  PairsField,
  changesOf,
  fromPairs,
  toPairs,
  useForm,
  type Form,
  type Pairs,
} from "../ui/form";
import { FormDialog } from "../ui/formdialog";
import { toast } from "../ui/toast";

/** How many tags a resource may have. */
const maxTags = 50;

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
  /** Is told what the tags are after each call that has changed them. */
  onChange: (tags: Record<string, string>) => void;
}

export function EditTags({ client, arn, title, tags, hint, onClose, onChange }: EditTagsProps) {
  const before = tags ?? {};
  const [pairs, setPairs] = useState<Pairs>(toPairs(before));
  const form = useForm(async () => {
    await saveTags(client, arn, before, fromPairs(pairs), onChange);
    toast("The tags are saved.");
    onClose();
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

/** Makes the tags of a resource from before those after, in the two calls that it takes. */
async function saveTags(
  client: IvschatClient,
  resourceArn: string,
  before: Record<string, string>,
  after: Record<string, string>,
  onChange: (tags: Record<string, string>) => void,
): Promise<void> {
  const tags = changesOf(before, after) as Record<string, string>;
  const gone = Object.keys(before).filter((key) => !Object.hasOwn(after, key));
  const kept = Object.fromEntries(Object.entries(before).filter(([key]) => !gone.includes(key)));
  const tag = async (then: Record<string, string>) => {
    if (Object.keys(tags).length === 0) return;
    await client.send(new TagResourceCommand({ resourceArn, tags }));
    onChange(then);
  };
  const untag = async (then: Record<string, string>) => {
    if (gone.length === 0) return;
    await client.send(new UntagResourceCommand({ resourceArn, tagKeys: gone }));
    onChange(then);
  };
  // The call that may be refused is first, so that nothing is lost when it is, unless there
  // is no room yet for what is new.
  const both = { ...before, ...after };
  if (Object.keys(both).length <= maxTags) {
    await tag(both);
    await untag(after);
  } else {
    await untag(kept);
    await tag(after);
  }
}
