import { randomUUID } from 'node:crypto';
import { closeSync, fsyncSync, openSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { ConfigError } from '../../errors.ts';
import { makeFolders } from '../../folders.ts';

/** A configuration beside the place where it will stand, so that it can be read back before it replaces anything. */
export interface Draft {
  /** Where it is until then. */
  readonly path: string;
  /** Puts it in its place, whole or not at all; either way the draft is gone. */
  keep(): void;
  /** Removes it; nothing happens after `keep`. */
  discard(): void;
}

/**
 * Writes a file that only its owner can read (0600); folders that are missing are made for the owner alone (0700).
 * @throws ConfigError `config_unwritable`
 */
export function draftConfiguration(target: string, text: string): Draft {
  const path = join(dirname(target), `.${basename(target)}.${randomUUID()}`);
  told(target, () => {
    makeFolders(dirname(target));
    const file = openSync(path, 'wx', 0o600);
    try {
      writeFileSync(file, text);
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
  });
  const discard = (): void => rmSync(path, { force: true });
  return {
    path,
    keep() {
      try {
        told(target, () => renameSync(path, target));
      } finally {
        discard();
      }
    },
    discard,
  };
}

function told(target: string, run: () => void): void {
  try {
    run();
  } catch (error) {
    const reason = error instanceof Error && 'code' in error ? String(error.code) : 'unknown error';
    throw new ConfigError('config_unwritable', `cannot write ${target}: ${reason}`, {
      hint: 'name a place that you may write to with -config=PATH',
      cause: error,
    });
  }
}
