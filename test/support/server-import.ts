import { expect } from 'vitest';
import type { Outcome, Stand } from './store.ts';
import type { StoredSecret, VaultServer } from './vault-server.ts';

/** A value that no message may have. */
const PASSWORD = 'hunter2';

/** A secret of version 2 with one version. */
export function one(data: unknown = { password: PASSWORD }): StoredSecret {
  return { versions: { 1: { data } } };
}

export type RunImport = (args: readonly string[], env?: Readonly<Record<string, string>>) => Promise<Outcome>;

/** Runs `kv import -from=vault` against a server; whatever comes of it, neither the token nor a value is printed. */
export function importer(stand: Stand, server: () => VaultServer): RunImport {
  return async (args, env = {}) => {
    const { env: own, token } = server();
    const outcome = await stand.start(['kv', 'import', '-from=vault', ...args], { env: { ...own, ...env } }).outcome;
    for (const never of [token, PASSWORD]) expect(outcome.stdout + outcome.stderr).not.toContain(never);
    return outcome;
  };
}
