// The dialogs that make, change and delete a logging configuration.
import {
  CreateLoggingConfigurationCommand,
  DeleteLoggingConfigurationCommand,
  UpdateLoggingConfigurationCommand,
  type IvschatClient,
} from "@aws-sdk/client-ivschat";
import { useState } from "preact/hooks";
import {
  destinationKinds,
  destinationOf,
  titleOf,
  toUnion,
  type Destination,
  type DestinationKind,
  type LoggingConfiguration,
} from "../../api/logging";
import {
  SelectField,
  TextField,
  changesOf,
  fromPairs,
  useForm,
  type Form,
  type Pairs,
} from "../../ui/form";
import { ConfirmDialog, FormDialog } from "../../ui/formdialog";
import { toast } from "../../ui/toast";
import { TagsField } from "../tags";

/** The settings of a configuration, as a form has them. */
interface Settings {
  name: string;
  to: Destination;
}

const fresh: Settings = { name: "", to: { kind: "s3", name: "" } };

const settingsOf = (log: LoggingConfiguration): Settings => ({
  name: log.name ?? "",
  to: destinationOf(log.destinationConfiguration),
});

/** The members of a request that have fields in the form. */
const members = ["name", "destinationConfiguration", "tags"];

/** Returns the settings as the members of a request. */
const requestOf = ({ name, to }: Settings) => ({ name, destinationConfiguration: toUnion(to) });

/** What a form says of each kind of destination. */
const texts: Record<DestinationKind, { example: string; hint: string; maxLength: number }> = {
  s3: {
    example: "chat-logs",
    hint: "Compressed files of all that was said, one every few minutes",
    maxLength: 63,
  },
  cloudWatchLogs: {
    example: "/chat/production",
    hint: "A stream for each room, within seconds",
    maxLength: 512,
  },
  firehose: { example: "chat-to-search", hint: "A record for each message", maxLength: 64 },
};

interface FieldsProps {
  form: Form;
  settings: Settings;
  onSettings: (settings: Settings) => void;
}

function SettingsFields({ form, settings, onSettings }: FieldsProps) {
  const { name, to } = settings;
  const text = texts[to.kind];
  return (
    <>
      <TextField
        label="Name"
        optional
        hint="Letters, digits, - and _"
        value={name}
        onValue={(name) => onSettings({ ...settings, name })}
        error={form.errorOf("name")}
        input={{ maxLength: 128 }}
      />
      <SelectField
        label="Where the chat is logged"
        value={to.kind}
        onValue={(kind) => onSettings({ ...settings, to: { ...to, kind: kind as DestinationKind } })}
        options={Object.entries(destinationKinds).map(([value, { label }]) => ({ value, label }))}
        hint={text.hint}
      />
      <TextField
        label={destinationKinds[to.kind].noun}
        mono
        value={to.name}
        onValue={(name) => onSettings({ ...settings, to: { ...to, name } })}
        error={form.errorOf("destinationConfiguration")}
        hint="The server's settings say what the name leads to: without any, a folder beside its data."
        input={{ placeholder: text.example, maxLength: text.maxLength, required: true }}
      />
    </>
  );
}

interface DialogProps {
  client: IvschatClient;
  onClose: () => void;
  onDone: (log: LoggingConfiguration) => void;
}

export function CreateLog({ client, onClose, onDone }: DialogProps) {
  const [settings, setSettings] = useState(fresh);
  const [tags, setTags] = useState<Pairs>([]);
  const form = useForm(async () => {
    const log = await client.send(
      new CreateLoggingConfigurationCommand({
        ...requestOf(settings),
        tags: fromPairs(tags),
      }),
    );
    toast(`${titleOf(log)} was created. Choose it in the settings of a room.`);
    onDone(log);
  });
  return (
    <FormDialog
      title="Create a logging configuration"
      form={form}
      members={members}
      action="Create"
      onClose={onClose}
    >
      <SettingsFields form={form} settings={settings} onSettings={setSettings} />
      <TagsField form={form} tags={tags} onTags={setTags} />
    </FormDialog>
  );
}

export function EditLog({
  client,
  log,
  onClose,
  onDone,
}: DialogProps & { log: LoggingConfiguration }) {
  const [settings, setSettings] = useState(settingsOf(log));
  const form = useForm(async () => {
    const changes = changesOf(requestOf(settingsOf(log)), requestOf(settings));
    const changed = await client.send(
      new UpdateLoggingConfigurationCommand({ identifier: log.arn!, ...changes }),
    );
    toast("The settings are saved.");
    onDone(changed);
  });
  return (
    <FormDialog
      title={`Settings of ${titleOf(log)}`}
      form={form}
      members={members}
      action="Save"
      onClose={onClose}
    >
      <SettingsFields form={form} settings={settings} onSettings={setSettings} />
      <p class="hint">What waits in the queue goes to the new destination.</p>
    </FormDialog>
  );
}

interface DeleteProps {
  client: IvschatClient;
  log: LoggingConfiguration;
  onClose: () => void;
  onDone: () => void;
}

export function DeleteLog({ client, log, onClose, onDone }: DeleteProps) {
  return (
    <ConfirmDialog
      title={`Delete ${titleOf(log)}?`}
      action="Delete"
      typed={titleOf(log)}
      onClose={onClose}
      onConfirm={async () => {
        await client.send(new DeleteLoggingConfigurationCommand({ identifier: log.arn! }));
        toast(`${titleOf(log)} was deleted.`);
        onDone();
      }}
    >
      Take it out of the settings of all rooms first. What was logged stays where it is, and what
      waits is still delivered. This cannot be undone.
    </ConfirmDialog>
  );
}
