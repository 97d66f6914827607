// The dialogs that make, change and delete a room.
import {
  CreateRoomCommand,
  DeleteRoomCommand,
  UpdateRoomCommand,
  type IvschatClient,
} from "@aws-sdk/client-ivschat";
import { useState } from "preact/hooks";
import { listAllLoggingConfigurations } from "../../api/logging";
import { titleOf, type Room } from "../../api/rooms";
import { useLoad } from "../../lib/load";
import {
  Check,
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

/** The settings of a room, as a form has them. */
interface Settings {
  name: string;
  rate: string;
  length: string;
  handler: string;
  fallback: string;
  logging: string[];
}

const fresh: Settings = {
  name: "",
  rate: "10",
  length: "500",
  handler: "",
  fallback: "ALLOW",
  logging: [],
};

const settingsOf = (room: Room): Settings => ({
  name: room.name ?? "",
  rate: String(room.maximumMessageRatePerSecond),
  length: String(room.maximumMessageLength),
  handler: room.messageReviewHandler?.uri ?? "",
  fallback: room.messageReviewHandler?.fallbackResult ?? "ALLOW",
  logging: room.loggingConfigurationIdentifiers ?? [],
});

/** The members of a request that have fields in the form. */
const members = [
  "name",
  "maximumMessageRatePerSecond",
  "maximumMessageLength",
  "messageReviewHandler",
  "loggingConfigurationIdentifiers",
  "tags",
];

/** Returns the settings as the members of a request. */
function requestOf(s: Settings) {
  return {
    name: s.name,
    maximumMessageRatePerSecond: Number(s.rate),
    maximumMessageLength: Number(s.length),
    messageReviewHandler: { uri: s.handler, fallbackResult: s.fallback as "ALLOW" | "DENY" },
    loggingConfigurationIdentifiers: s.logging,
  };
}

interface FieldsProps {
  client: IvschatClient;
  form: Form;
  settings: Settings;
  onSettings: (settings: Settings) => void;
}

function SettingsFields({ client, form, settings, onSettings }: FieldsProps) {
  const set = (change: Partial<Settings>) => onSettings({ ...settings, ...change });
  return (
    <>
      <TextField
        label="Name"
        optional
        hint="Letters, digits, - and _. Several rooms may have one name."
        value={settings.name}
        onValue={(name) => set({ name })}
        error={form.errorOf("name")}
        input={{ maxLength: 128 }}
      />
      <div class="columns">
        <TextField
          label="Messages per second"
          hint="From all senders together, 1 to 100"
          value={settings.rate}
          onValue={(rate) => set({ rate })}
          error={form.errorOf("maximumMessageRatePerSecond")}
          input={{ type: "number", min: 1, max: 100, required: true }}
        />
        <TextField
          label="Longest message"
          hint="In characters, 1 to 500"
          value={settings.length}
          onValue={(length) => set({ length })}
          error={form.errorOf("maximumMessageLength")}
          input={{ type: "number", min: 1, max: 500, required: true }}
        />
      </div>
      <TextField
        label="Message review handler"
        optional
        mono
        hint="The ARN of a function that the server has a target for"
        value={settings.handler}
        onValue={(handler) => set({ handler })}
        error={form.errorOf("messageReviewHandler")}
        input={{ placeholder: "arn:aws:lambda:…", maxLength: 170 }}
      />
      {settings.handler && (
        <SelectField
          label="If the handler fails"
          value={settings.fallback}
          onValue={(fallback) => set({ fallback })}
          options={[
            { value: "ALLOW", label: "Messages pass" },
            { value: "DENY", label: "Messages are refused" },
          ]}
        />
      )}
      <LoggingField
        client={client}
        error={form.errorOf("loggingConfigurationIdentifiers")}
        chosen={settings.logging}
        onChosen={(logging) => set({ logging })}
      />
    </>
  );
}

interface LoggingFieldProps {
  client: IvschatClient;
  error: string | undefined;
  chosen: string[];
  onChosen: (chosen: string[]) => void;
}

/** Chooses among the logging configurations; there is nothing to choose when there are none. */
function LoggingField({ client, error, chosen, onChosen }: LoggingFieldProps) {
  const all = useLoad((abort) => listAllLoggingConfigurations(client, abort), [client]);
  const listed = all.data ?? [];
  const unlisted = chosen.filter((arn) => !listed.some((l) => l.arn === arn));
  const entries = [
    ...listed.map((l) => ({ arn: l.arn!, label: l.name || l.id! })),
    ...unlisted.map((arn) => ({ arn, label: arn.split("/").at(-1)! })),
  ];
  if (entries.length === 0) return null;
  return (
    <fieldset class="fieldset">
      <legend class="legend">
        Chat logs <span class="optional">(up to 3)</span>
      </legend>
      {entries.map(({ arn, label }) => (
        <Check
          key={arn}
          checked={chosen.includes(arn)}
          onValue={(on) => onChosen(on ? [...chosen, arn] : chosen.filter((c) => c !== arn))}
        >
          {label}
        </Check>
      ))}
      {error && <span class="field-error">{error}</span>}
    </fieldset>
  );
}

interface DialogProps {
  client: IvschatClient;
  onClose: () => void;
}

export function CreateRoom({
  client,
  onClose,
  onDone,
}: DialogProps & { onDone: (room: Room) => void }) {
  const [settings, setSettings] = useState(fresh);
  const [tags, setTags] = useState<Pairs>([]);
  const form = useForm(async () => {
    const { messageReviewHandler, ...request } = requestOf(settings);
    const room = await client.send(
      new CreateRoomCommand({
        ...request,
        ...(settings.handler && { messageReviewHandler }),
        tags: fromPairs(tags),
      }),
    );
    toast(`${titleOf(room)} was created.`);
    onDone(room);
  });
  return (
    <FormDialog
      title="Create a room"
      form={form}
      members={members}
      action="Create room"
      onClose={onClose}
    >
      <SettingsFields client={client} form={form} settings={settings} onSettings={setSettings} />
      <TagsField form={form} tags={tags} onTags={setTags} />
    </FormDialog>
  );
}

interface RoomDialogProps extends DialogProps {
  room: Room;
  onDone: (room: Room) => void;
}

export function EditRoom({ client, room, onClose, onDone }: RoomDialogProps) {
  const [settings, setSettings] = useState(settingsOf(room));
  const form = useForm(async () => {
    const changes = changesOf(requestOf(settingsOf(room)), requestOf(settings));
    const changed = await client.send(
      new UpdateRoomCommand({ identifier: room.arn!, ...changes }),
    );
    toast("The settings are saved.");
    onDone(changed);
  });
  return (
    <FormDialog
      title={`Settings of ${titleOf(room)}`}
      form={form}
      members={members}
      action="Save"
      onClose={onClose}
    >
      <SettingsFields client={client} form={form} settings={settings} onSettings={setSettings} />
    </FormDialog>
  );
}

interface DeleteProps extends DialogProps {
  room: Room;
  onDone: () => void;
}

export function DeleteRoom({ client, room, onClose, onDone }: DeleteProps) {
  return (
    <ConfirmDialog
      title={`Delete ${titleOf(room)}?`}
      action="Delete room"
      typed={titleOf(room)}
      onClose={onClose}
      onConfirm={async () => {
        await client.send(new DeleteRoomCommand({ identifier: room.arn! }));
        toast(`${titleOf(room)} was deleted.`);
        onDone();
      }}
    >
      Nobody can join the room any more, and what is sent into it is refused. Those who are in it
      stay connected until they leave. This cannot be undone.
    </ConfirmDialog>
  );
}
