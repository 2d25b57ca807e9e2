import { lstatSync, statSync } from 'node:fs';
import { resolve } from 'node:path';
import { isNoSuchFile, systemErrorCode, systemErrorText, UsageError } from '../errors.ts';
import { writeClearFile } from '../native/clear-file.ts';
import { UnsafePlace } from '../private-files.ts';

/**
 * The whole path of a file that is to be written in clear, looked at before anything is read. What is no file there, such as a device or a pipe,
 * would be replaced by one: nobody who names /dev/stdout means that.
 * @param links whether a link is replaced that leads to a file or nowhere; it is never followed
 * @throws UsageError `output_failed`
 */
export function outputPath(given: string, links: 'refuse' | 'replace'): string {
  if (given === '' || given.endsWith('/')) throw unwritable(given, 'no file has such a name', 'name the file, too');
  refuseSpecial(given, links);
  const whole = attempt(given, () => resolve(given));
  if (whole === null) throw unwritable(given, 'the current directory was removed', 'name the whole path of a file');
  return whole;
}

function refuseSpecial(path: string, links: 'refuse' | 'replace'): void {
  const isFile = attempt(path, () => lstatSync(path).isFile());
  if (isFile === null || isFile) return;
  // A link that leads nowhere is as good as one to a file.
  if (links === 'replace' && (attempt(path, () => statSync(path).isFile()) ?? true)) return;
  throw unwritable(path, 'it is there, and is no regular file', 'name another file, or - for stdout');
}

/**
 * Writes a file in clear, as `writeClearFile` does, and says of the system's errors and of a place that is not safe what they are about.
 * @param shown the path in messages @param hint where it is the system that refuses
 * @throws UsageError `output_failed`; what `use` throws
 */
export async function writeOutput<T>(
  {
    path,
    shown = path,
    hint = null,
  }: { readonly path: string; readonly shown?: string; readonly hint?: string | null },
  use: (write: (text: string) => void) => Promise<T>,
): Promise<T> {
  try {
    return await writeClearFile(path, use);
  } catch (error) {
    if (error instanceof UnsafePlace) throw unwritable(shown, error.message, error.hint, error);
    if (systemErrorCode(error) === null || !(error instanceof Error) || !('syscall' in error)) throw error;
    throw unwritable(shown, systemErrorText(error), hint, error);
  }
}

function unwritable(path: string, problem: string, hint: string | null, cause?: unknown): UsageError {
  return new UsageError('output_failed', `cannot write ${path}: ${problem}`, { hint, cause });
}

/** Null where there is no such file. */
function attempt<T>(path: string, look: () => T): T | null {
  try {
    return look();
  } catch (error) {
    if (isNoSuchFile(error)) return null;
    throw unwritable(path, systemErrorText(error), 'check the directories that lead to it');
  }
}
