import { existsSync, rmdirSync, rmSync } from 'node:fs';
import { dirname } from 'node:path';
import { ConfigError, systemErrorText } from '../../errors.ts';
import { writeClearFile } from '../../native/clear-file.ts';
import { createPrivateFile, draftName, UnsafePlace } from '../../private-files.ts';

/**
 * Writes a configuration, which may hold a PIN, for its owner alone (0600), whole or not at all; folders that are missing are made for the
 * owner alone (0700).
 * @param target a whole path
 * @throws ConfigError `config_unwritable`
 */
export async function writeConfiguration(target: string, text: string): Promise<void> {
  const made = missingFolders(dirname(target));
  try {
    await writeClearFile(target, async (write) => write(text));
  } catch (error) {
    throw unwritable(target, error);
  } finally {
    made.forEach(removeIfEmpty);
  }
}

/** Finds out whether a configuration can be written there, with an empty file of which nothing is left. @throws ConfigError `config_unwritable` */
export function tryConfigurationPlace(target: string): void {
  const made = missingFolders(dirname(target));
  const draft = draftName(target);
  try {
    createPrivateFile(draft, '', { durable: false });
    rmSync(draft);
  } catch (error) {
    throw unwritable(target, error);
  } finally {
    made.forEach(removeIfEmpty);
  }
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

function unwritable(target: string, error: unknown): ConfigError {
  if (error instanceof UnsafePlace)
    return new ConfigError('config_unwritable', `cannot write ${target}: ${error.message}`, { hint: error.hint });
  return new ConfigError('config_unwritable', `cannot write ${target}: ${systemErrorText(error)}`, {
    hint: { remedy: 'move-configuration' },
    cause: error,
  });
}
