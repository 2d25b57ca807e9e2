import { existsSync, rmdirSync, rmSync } from 'node:fs';
import { dirname } from 'node:path';
import { ConfigError, systemErrorCode } from '../../errors.ts';
import { createPrivateFile, draftName, renamePrivateFile, UnsafePlace } from '../../private-files.ts';

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
  const path = draftName(target);
  const made = missingFolders(dirname(target));
  told(target, () => createPrivateFile(path, text));
  const discard = (): void => {
    rmSync(path, { force: true });
    made.forEach(removeIfEmpty);
  };
  return {
    path,
    keep() {
      try {
        told(target, () => renamePrivateFile(path, target));
      } finally {
        discard();
      }
    },
    discard,
  };
}

/** Of the folders on the way to `folder`, and itself, those that are not there; the deepest first. */
function missingFolders(folder: string): string[] {
  return existsSync(folder) ? [] : [folder, ...missingFolders(dirname(folder))];
}

function removeIfEmpty(folder: string): void {
  try {
    rmdirSync(folder);
  } catch {
    // The configuration is in it.
  }
}

function told(target: string, run: () => void): void {
  try {
    run();
  } catch (error) {
    if (error instanceof UnsafePlace)
      throw new ConfigError('config_unwritable', `cannot write ${target}: ${error.message}`, { hint: error.hint });
    throw new ConfigError('config_unwritable', `cannot write ${target}: ${systemErrorCode(error) ?? 'unknown error'}`, {
      hint: { remedy: 'move-configuration' },
      cause: error,
    });
  }
}
