import { HsmError } from '../errors.ts';
import { describeName } from '../pkcs11/index.ts';
import type { GeneratedKey, Key, Session } from '../pkcs11/index.ts';
import { isSameObject } from './configured.ts';

/** How long the first in order waits for another program to take its key back. */
const PATIENCE_MS = 3000;
const POLL_MS = 25;
/** The longest pause before another try, where the order decides nothing. */
const PAUSE_MS = 1000;

/**
 * Makes a key whose name no other has. Tokens let two programs make one of the same name at the same moment, so that both are
 * there and neither can be chosen; and they have no lock. Hence each looks again once its key is there. Who sees no other has made
 * the key: whoever comes later sees it. Of two who see each other, the one with the greater id takes its own back, and the other
 * waits for that; where that does not happen, the other has looked before, and is the one who has made the key.
 * @param there the keys of that name
 * @throws HsmError `key_raced` when another program made the key; nothing of this one is left then
 */
export async function makeOnly(session: Session, make: () => GeneratedKey, there: () => readonly Key[]): Promise<GeneratedKey> {
  for (;;) {
    const key = make();
    const outcome = await settle(session, key, there);
    if (outcome === 'alone') return key;
    session.destroyKey(key);
    if (outcome === 'tied') await pause(Math.random() * PAUSE_MS);
    if (outcome === 'second' || there().length > 0) throw raced(session, key);
  }
}

/** Ids are random unless somebody gave one: of two keys with the same id neither is the first. */
async function settle(session: Session, key: GeneratedKey, there: () => readonly Key[]): Promise<'alone' | 'second' | 'tied'> {
  const deadline = performance.now() + PATIENCE_MS;
  try {
    for (;;) {
      const orders = there().flatMap((other) => (isSameObject(other, key) ? [] : [Buffer.compare(key.id, other.id)]));
      if (orders.length === 0) return 'alone';
      if (orders.some((order) => order > 0) || performance.now() > deadline) return 'second';
      if (orders.includes(0)) return 'tied';
      await pause(POLL_MS);
    }
  } catch (error) {
    session.destroyKey(key); // whether it is alone was not found out
    throw error;
  }
}

async function pause(milliseconds: number): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, milliseconds));
}

function raced(session: Session, key: Key): HsmError {
  return new HsmError('key_raced', `another program made a key with ${describeName({ label: key.label, id: null })} on token "${session.token.label}" at the same moment`, {
    hint: 'the one made here was taken back; look at `coffer hsm keys`, and run the command again if the key that is there is the one to use',
  });
}
