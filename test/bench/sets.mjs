// The commands that are measured beside each other.

import { copyFileSync } from 'node:fs';
import { join } from 'node:path';
import { root, say } from '../setup/ensure.mjs';
import { measure } from './measure.mjs';
import { compileCalls, compileScript, typescript } from './programs.mjs';
import { secretPath } from './secrets.mjs';
import { writeConfig } from './stand.mjs';

const COLD_ROUNDS = 7;
const SECRET = secretPath(5);
/** A command that does nothing, for `run`. */
const TRUE = '/usr/bin/true';

/** @returns what `measure` does, for the small store and for other programs */
export function small(stand, others) {
  const { token, store, folder, program, node, here } = stand;
  const coffer = (...args) => ({ words: [program, ...args] });
  const first = { COFFER_CONFIG: join(folder, 'first.hcl'), XDG_CACHE_HOME: join(folder, 'first') };
  writeConfig(first.COFFER_CONFIG, token, store.database);
  const calls = typescript('calls.ts', [token.module, token.label, token.pinFile, store.database])
    .trimEnd()
    .split('\n');
  say('compiling the same calls in JavaScript and in C');
  return measured(stand, {
    'node -e 0': { words: [node, '-e', '0'] },
    'node -e 0, here': { words: [here, '-e', '0'] },
    version: coffer('version'),
    'seal-status': coffer('seal-status'),
    'kv get': coffer('kv', 'get', SECRET),
    'kv get, changed': { ...coffer('kv', 'get', SECRET), env: first, before: changing(first.COFFER_CONFIG) },
    'kv get, wrapped': coffer('kv', 'get', 'wrapped/app'),
    'kv put': coffer('kv', 'put', SECRET, 'user=ada', 'password=secret'),
    'kv put, wrapped': coffer('kv', 'put', 'wrapped/app', 'user=ada', 'password=secret'),
    'run true': coffer('run', '-env', `USER=${SECRET}#user`, '--', TRUE),
    true: { words: [TRUE] },
    'transit/encrypt': coffer('write', 'transit/encrypt/k', 'plaintext=aGVsbG8='),
    'kv get, bundle': { words: [here, join(root, 'bin', 'coffer.cjs'), 'kv', 'get', SECRET] },
    'bare program': { words: [compileScript('bare.ts', join(folder, 'bare')), ...calls] },
    'C program': { words: [compileCalls(), ...calls] },
    ...others,
  });
}

/** The same two commands on the store with many secrets and on that with few. */
export function large(stand, many, secrets) {
  const secret = secretPath(Math.floor(secrets / 2));
  const on = (store, ...args) => ({ words: [stand.program, ...args], env: { COFFER_CONFIG: store.config } });
  const value = ['user=ada', 'password=secret'];
  return measured(stand, {
    'kv get, few': on(stand.store, 'kv', 'get', SECRET),
    'kv get, many': on(many, 'kv', 'get', secret),
    'kv put, few': on(stand.store, 'kv', 'put', SECRET, ...value),
    'kv put, many': on(many, 'kv', 'put', secret, ...value),
  });
}

/** What the first command after a boot has to read from the disk. */
export function cold(stand) {
  const before = 'sync && echo 3 > /proc/sys/vm/drop_caches';
  const commands = {
    'node -e 0, cold': { words: [stand.node, '-e', '0'], before },
    'kv get, cold': { words: [stand.program, 'kv', 'get', SECRET], before },
  };
  return measured({ ...stand, rounds: COLD_ROUNDS }, commands);
}

function measured({ token, store, folder, rounds }, commands) {
  say(`measuring ${Object.keys(commands).length} commands in ${rounds} rounds`);
  return measure(commands, { rounds, folder, env: { ...token.env, COFFER_CONFIG: store.config } });
}

/** Gives the configuration a value that it never had. $$ is another number each time. */
function changing(config) {
  const unchanged = `${config}.unchanged`;
  copyFileSync(config, unchanged);
  return `sed "s/30s/$((30 + $$ % 3000))s/" ${unchanged} > ${config}`;
}
