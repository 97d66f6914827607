// Sign in with an access key. The key does not leave the browser: it signs the calls.
import { useEffect, useRef, useState } from "preact/hooks";
import { isException } from "../api/errors";
import { useValue } from "../lib/state";
import { check, openDevelopment, settings, signIn } from "../session";
import { Brand, ThemeSwitch } from "../shell";
import { Button } from "../ui/button";
import { Check, FormFailure, SelectField, TextField, useForm } from "../ui/form";

export function SignIn() {
  const { regions, key } = useValue(settings);
  const [accessKeyId, setAccessKeyId] = useState("");
  const [secretAccessKey, setSecret] = useState("");
  const [region, setRegion] = useState(regions[0]!);
  const [keep, setKeep] = useState(false);
  const [limited, setLimited] = useState(false);
  const access = { accessKeyId: accessKeyId.trim(), secretAccessKey: secretAccessKey.trim(), region };

  const form = useForm(async () => {
    setLimited(false);
    try {
      await check(access);
    } catch (error) {
      // The key is right, but its user may not list rooms.
      setLimited(isException(error, "AccessDeniedException"));
      throw error;
    }
    signIn(access, keep);
  });

  const box = useRef<HTMLDivElement>(null);
  useEffect(() => {
    document.title = "Sign in · Parley";
    box.current?.querySelector("input")?.focus();
  }, []);

  return (
    <main class="signin">
      <div class="signin-box" ref={box}>
        <Brand />
        <h1>Sign in</h1>
        <p class="soft">
          With an access key of this server. It stays in your browser, and signs what you do.
        </p>
        <form class="stack" onSubmit={form.submit}>
          <TextField
            label="Access key ID"
            value={accessKeyId}
            onValue={setAccessKeyId}
            mono
            input={{ required: true, autocomplete: "username" }}
          />
          <TextField
            label="Secret access key"
            value={secretAccessKey}
            onValue={setSecret}
            mono
            input={{ required: true, type: "password", autocomplete: "current-password" }}
          />
          <SelectField
            label="Region"
            value={region}
            onValue={setRegion}
            options={regions.map((r) => ({ value: r, label: r }))}
          />
          <Check checked={keep} onValue={setKeep}>
            Stay signed in
            <span class="hint"> in this tab, until it is closed</span>
          </Check>
          <FormFailure form={form} />
          <Button kind="primary" type="submit" class="wide" busy={form.busy}>
            Sign in
          </Button>
          {limited && (
            <Button class="wide" onClick={() => signIn(access, keep)}>
              Go on with what this key may do
            </Button>
          )}
          {key && (
            <Button class="wide" onClick={openDevelopment}>
              Use the key of development mode
            </Button>
          )}
        </form>
        <p class="hint">
          The first start of a server makes a key, in the file <code>credentials</code> of its data
          folder.
        </p>
        <ThemeSwitch />
      </div>
    </main>
  );
}
