// What the commands of the bench work with: a SoftHSM token, and stores with a mount of each kind.

import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { root, run } from '../setup/ensure.mjs';
import { compileScript, must } from './programs.mjs';

const LABEL = 'bench';

/**
 * Makes the token.
 * @param softHsm as `ensureSoftHsm` returns it
 * @returns what `makeStore` needs: `env` is the environment of every command
 */
export function makeToken(folder, { module, libraryPath }) {
  const env = {
    ...process.env,
    SOFTHSM2_CONF: join(folder, 'softhsm2.conf'),
    XDG_CACHE_HOME: join(folder, 'cache'),
    XDG_STATE_HOME: join(folder, 'state'),
    ...(libraryPath === null ? {} : { LD_LIBRARY_PATH: libraryPath }),
  };
  if (!run(process.execPath, [join(root, 'test/setup/token.mjs'), folder, module, LABEL], { env })) {
    throw new Error('the token cannot be made');
  }
  return { env, module, label: LABEL, pinFile: join(folder, 'pin') };
}

/**
 * Makes a store, unsealed, with this many secrets in the plain mount kv/.
 * @returns its configuration's path, its database's, and what the filling cost
 */
export function makeStore(folder, token, secrets) {
  mkdirSync(folder, { mode: 0o700 });
  const config = join(folder, 'coffer.hcl');
  const database = join(folder, 'coffer.db');
  writeConfig(config, token, database);
  const env = { ...token.env, COFFER_CONFIG: config };
  for (const args of [
    ['init', '-recovery-shares=0', '-recovery-threshold=0'],
    ['unseal'],
    ['secrets', 'enable', 'kv'],
    ['secrets', 'enable', '-path=wrapped', '-seal-wrap', 'kv'],
    ['secrets', 'enable', 'transit'],
    ['kv', 'put', 'wrapped/app', 'user=ada', 'password=secret'],
    ['write', '-f', 'transit/keys/k'],
  ]) {
    must(spawnSync(join(root, 'bin', 'coffer'), args, { env, encoding: 'utf8' }));
  }
  const fill = compileScript('fill.ts', join(folder, 'fill'));
  const filled = must(
    spawnSync(fill, [config, token.pinFile, String(secrets)], { env, encoding: 'utf8' }),
  ).stdout.trim();
  return { config, database, filled };
}

/** The configuration of a store; `timeout` is there to be changed. */
export function writeConfig(config, { module, label, pinFile }, database) {
  writeFileSync(
    config,
    `storage "sqlite" {
  path = "${database}"
}
seal "pkcs11" {
  lib = "${module}"
  token_label = "${label}"
  pin = "file:${pinFile}"
  key_label = "key"
  hmac_key_label = "hmac"
  generate_key = "true"
  timeout = "30s"
}
`,
    { mode: 0o600 },
  );
}
