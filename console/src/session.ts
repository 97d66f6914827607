// Who is signed in. The access key is in memory; on request, it is in the tab's storage
// too, and ends with the tab.
import { ListRoomsCommand, type IvschatClient } from "@aws-sdk/client-ivschat";
import { newClient, type Access } from "./api/client";
import { loadSettings, type Settings } from "./api/server";
import { State } from "./lib/state";
import { tabStore } from "./lib/storage";

export interface Session {
  access: Access;
  client: IvschatClient;
  /** Whether everybody knows the key, as in development mode. */
  open: boolean;
}

export const session = new State<Session | null>(null);
export const settings = new State<Settings>({ regions: [] });

const accessKey = "access";
const signedOutKey = "signedOut";

/**
 * Loads the settings, and signs in with the key that the tab has kept, or with the one that
 * the server gives to everybody, unless the user has signed out.
 */
export async function start(): Promise<void> {
  settings.value = await loadSettings();
  const kept = readKept();
  if (kept) {
    open(kept);
  } else if (settings.value.key && !tabStore.get(signedOutKey)) {
    openDevelopment();
  }
}

/** Signs in with the key of development mode. */
export function openDevelopment(): void {
  const key = settings.value.key;
  if (key) open({ ...key, region: settings.value.regions[0]! });
}

function open(access: Access): void {
  tabStore.set(signedOutKey, null);
  const open = access.accessKeyId === settings.value.key?.accessKeyId;
  session.value = { access, client: newClient(access), open };
}

function readKept(): Access | null {
  const text = tabStore.get(accessKey);
  if (!text) return null;
  try {
    const kept = JSON.parse(text) as Access;
    return settings.value.regions.includes(kept.region) ? kept : null;
  } catch {
    return null;
  }
}

/** Throws the error of a call that every user of the console needs to make. */
export async function check(access: Access): Promise<void> {
  await newClient(access).send(new ListRoomsCommand({ maxResults: 1 }));
}

/** Signs in; keep says whether the key may stay in the tab's storage. */
export function signIn(access: Access, keep: boolean): void {
  tabStore.set(accessKey, keep ? JSON.stringify(access) : null);
  open(access);
}

/** Forgets the access key. */
export function signOut(): void {
  tabStore.set(accessKey, null);
  tabStore.set(signedOutKey, "yes");
  session.value?.client.destroy();
  session.value = null;
}

/** Goes on in another region. */
export function changeRegion(region: string): void {
  const current = session.value;
  if (!current) return;
  const access = { ...current.access, region };
  if (tabStore.get(accessKey)) tabStore.set(accessKey, JSON.stringify(access));
  open(access);
}
