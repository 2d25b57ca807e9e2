import type { Operation } from '../../../core/index.ts';
import { hasCode, StoreError } from '../../../errors.ts';
import { shellWord } from '../../../shell.ts';
import { hintText } from '../../remedies.ts';

/** Commands that change nothing are shown whole. */
const COMMANDS: Readonly<Record<Operation, (path: string) => string>> = {
  read: (path) => `read the secret with: coffer kv get ${shellWord(path)}`,
  list: (path) => `list it with: coffer kv list ${shellWord(path)}`,
  write: () => 'see: coffer kv put -h',
  patch: () => 'see: coffer kv patch -h',
  delete: () => 'see: coffer kv delete -h',
};

/** An error for a path that the engine has not, with the command that takes it. @param path of `ownPath` */
export function withOwnPath(error: unknown, operation: Operation, path: string | null): unknown {
  if (path === null || !hasCode(error, StoreError, 'unsupported_path')) return error;
  const isFolder = path.endsWith('/') && operation === 'read';
  const engine = `this is a version 2 kv engine; ${COMMANDS[isFolder ? 'list' : operation](path)}`;
  const hint = error.hint === null ? engine : `${engine}\n${hintText(error.hint)}`;
  return new StoreError(error.code, error.message, { hint, cause: error.cause });
}
