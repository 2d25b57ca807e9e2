import { createHash, randomBytes, scryptSync } from 'node:crypto';
import { accessSync, closeSync, constants, existsSync, fsyncSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { systemErrorCode, systemErrorText } from '../errors.ts';
import type { PinMemory, TokenDescription, TokenUser } from '../pkcs11/index.ts';
import {
  createPrivateFile,
  makePrivateFolder,
  openPrivateFile,
  readPrivateFile,
  replacePrivateFile,
} from '../private-files.ts';

/**
 * Which PINs a token refused, so that no command sends one of them again: most tokens lock after a few.
 *
 * One small file a token and user holds a salt and, for each PIN, ten bits of its scrypt digest. So few, because whoever
 * reads the file can try all PINs of 4 to 8 digits on it, however slow the digest: ten bits let one PIN in 1024 pass, which
 * leaves them ten candidates of 4 digits, a thousand of 6, a hundred thousand of 8, and these for a PIN that was wrong. For
 * the same reason one PIN in 1024 is taken for one that was refused; the remedy retry-pin sends it all the same.
 *
 * A refusal is added by one write to the end of the file, so that commands at the same time lose none. Where there is no
 * such file, looking for it is all that a command does. Two commands that send the same wrong PIN at the same time cost two
 * tries: only a lock around every login could prevent that.
 * @param folder a folder of this user's, which need not be there yet; null for none
 */
export function pinMemory(folder: string | null): PinMemory {
  const pathOf = (token: TokenDescription, user: TokenUser): string | null =>
    folder === null ? null : join(folder, FOLDER, nameOf(token, user));
  return {
    recall(token, user) {
      const path = pathOf(token, user);
      const refusals = path === null || !existsSync(path) ? null : read(path);
      return refusals === null ? null : { includes: (pin) => refusals.digests.includes(digest(pin, refusals.salt)) };
    },
    canRemember(token, user) {
      const path = pathOf(token, user);
      if (path === null) return false;
      try {
        const into = join(path, '..');
        makePrivateFolder(into);
        accessSync(into, constants.W_OK);
        readPrivateFile(path); // not a link, and nobody else's
        return true;
      } catch {
        return false;
      }
    },
    remember(token, user, pin) {
      const path = pathOf(token, user);
      if (path === null) return 'there is no home directory';
      try {
        add(path, pin);
        return null;
      } catch (error) {
        if (systemErrorCode(error) !== null) return `${path}: ${systemErrorText(error)}`;
        return error instanceof Error ? error.message : 'unknown error';
      }
    },
    forget(token, user) {
      const path = pathOf(token, user);
      try {
        if (path !== null) rmSync(path, { force: true });
      } catch {
        // It may no longer be written. The refusals stay, and the remedy retry-pin helps.
      }
    },
  };
}

const FOLDER = 'refused-pins';
const FORMAT = 'coffer refused pins 1';
const SALT_BYTES = 16;
const DIGEST_BITS = 10;
/** More than any token lets pass. */
const MOST_REFUSALS = 16;
/** Of scrypt (RFC 7914): 32 MiB, and about a tenth of a second. */
const COST = { N: 2 ** 15, r: 8, p: 1, maxmem: 64 * 2 ** 20 } as const;

interface Refusals {
  readonly salt: Uint8Array;
  /** Three hexadecimal digits each, the oldest first. */
  readonly digests: readonly string[];
}

/** What stays the same of a token wherever it is plugged in. */
function nameOf({ manufacturer, model, serial, label }: TokenDescription, user: TokenUser): string {
  return createHash('sha256')
    .update(JSON.stringify([user, manufacturer, model, serial, label]))
    .digest('hex')
    .slice(0, 32);
}

function digest(pin: string, salt: Uint8Array): string {
  const bytes = scryptSync(pin, salt, 2, COST);
  return (bytes.readUInt16BE() & (2 ** DIGEST_BITS - 1)).toString(16).padStart(3, '0');
}

/** Null where there is none, where it is not in the format, and where others could have written it. */
function read(path: string): Refusals | null {
  try {
    const bytes = readPrivateFile(path);
    return bytes === null ? null : parse(Buffer.from(bytes).toString('latin1'));
  } catch {
    return null;
  }
}

/** A line that is not whole, as a loss of power leaves it, is no refusal. */
function parse(text: string): Refusals | null {
  const [head = '', ...lines] = text.split('\n');
  const salt = new RegExp(`^${FORMAT} ([0-9a-f]{${2 * SALT_BYTES}})$`).exec(head)?.[1];
  return salt === undefined
    ? null
    : { salt: Buffer.from(salt, 'hex'), digests: lines.filter((line) => /^[0-9a-f]{3}$/.test(line)) };
}

function add(path: string, pin: string): void {
  for (let tries = 0; tries < 3; tries++) {
    const there = read(path);
    const salt = there?.salt ?? randomBytes(SALT_BYTES);
    const found = digest(pin, salt);
    if (there?.digests.includes(found) === true) return;
    if (there !== null && there.digests.length < MOST_REFUSALS) {
      if (append(path, `${found}\n`)) return;
      continue; // a login has removed it meanwhile
    }
    const digests = [...(there?.digests ?? []), found].slice(-MOST_REFUSALS);
    const text = [`${FORMAT} ${Buffer.from(salt).toString('hex')}`, ...digests, ''].join('\n');
    if (existsSync(path)) {
      replacePrivateFile(path, text);
      return;
    }
    try {
      createPrivateFile(path, text);
      return;
    } catch (error) {
      // Another command may have made it meanwhile, with another salt.
      if (systemErrorCode(error) !== 'EEXIST') throw error;
    }
  }
  throw new Error(`${path} keeps changing`);
}

/** False where there is no such file. */
function append(path: string, line: string): boolean {
  const file = openPrivateFile(path, constants.O_WRONLY | constants.O_APPEND);
  if (file === null) return false;
  try {
    writeSync(file, line);
    fsyncSync(file);
    return true;
  } finally {
    closeSync(file);
  }
}
