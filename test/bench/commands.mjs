// `npm run bench`: what commands cost, as ratios to `node -e 0` in the same run. Medians of interleaved runs, so that a
// machine whose speed drifts does not favour one. Makes its own token and store; asserts nothing.

import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ensureBuild, ensureDependencies, ensureNode, ensureSoftHsm, root, run } from '../setup/ensure.mjs';

const RUNS = Number(process.env.COFFER_BENCH_RUNS ?? 25);
const LABEL = 'bench';
const coffer = join(root, 'bin', 'coffer');

ensureNode();
await ensureDependencies();
ensureBuild();
const { module, libraryPath } = ensureSoftHsm();
const folder = mkdtempSync(join(tmpdir(), 'coffer-bench-'));
const env = {
  ...process.env,
  COFFER_CONFIG: join(folder, 'coffer.hcl'),
  SOFTHSM2_CONF: join(folder, 'softhsm2.conf'),
  XDG_CACHE_HOME: join(folder, 'cache'),
  XDG_STATE_HOME: join(folder, 'state'),
  ...(libraryPath === null ? {} : { LD_LIBRARY_PATH: libraryPath }),
};
run(process.execPath, [join(root, 'test/setup/token.mjs'), folder, module, LABEL], { env });
writeFileSync(
  env.COFFER_CONFIG,
  `storage "sqlite" {
  path = "${join(folder, 'coffer.db')}"
}
seal "pkcs11" {
  lib = "${module}"
  token_label = "${LABEL}"
  pin = "file:${join(folder, 'pin')}"
  key_label = "key"
  hmac_key_label = "hmac"
  generate_key = "true"
}
`,
  { mode: 0o600 },
);

// The least that any command with this HSM can do: load the module, log in, decrypt, check an HMAC.
const RAW = `
const p = require(${JSON.stringify(join(root, 'node_modules/pkcs11js'))}), m = new p.PKCS11();
m.load(${JSON.stringify(module)}); m.C_Initialize();
const pin = require('fs').readFileSync(${JSON.stringify(join(folder, 'pin'))}, 'utf8').trim();
const slot = m.C_GetSlotList(true).find((s) => m.C_GetTokenInfo(s).label.trim() === ${JSON.stringify(LABEL)});
const s = m.C_OpenSession(slot, 4); m.C_Login(s, 1, pin);
const find = (label) => { m.C_FindObjectsInit(s, [{ type: p.CKA_LABEL, value: label }]); const k = m.C_FindObjects(s); m.C_FindObjectsFinal(s); return k; };
const iv = Buffer.alloc(16), text = Buffer.alloc(32), key = find('key'), hmac = find('hmac');
m.C_EncryptInit(s, { mechanism: p.CKM_AES_CBC_PAD, parameter: iv }, key); const sealed = m.C_Encrypt(s, text, Buffer.alloc(64));
m.C_DecryptInit(s, { mechanism: p.CKM_AES_CBC_PAD, parameter: iv }, key); m.C_Decrypt(s, sealed, Buffer.alloc(64));
m.C_SignInit(s, { mechanism: p.CKM_SHA256_HMAC }, hmac); m.C_Sign(s, text, Buffer.alloc(32));
m.C_Finalize();`;

try {
  for (const args of [
    ['init', '-recovery-shares=0', '-recovery-threshold=0'],
    ['unseal'],
    ['secrets', 'enable', 'kv'],
    ['secrets', 'enable', '-path=wrapped', '-seal-wrap', 'kv'],
    ['secrets', 'enable', 'transit'],
    ['kv', 'put', 'kv/app', 'user=ada', 'password=secret'],
    ['kv', 'put', 'wrapped/app', 'user=ada', 'password=secret'],
    ['write', '-f', 'transit/keys/k'],
  ]) {
    const done = spawnSync(process.execPath, [coffer, ...args], { env });
    if (done.status !== 0) throw new Error(`coffer ${args.join(' ')}: ${done.stderr}`);
  }
  const node = (...args) => [process.execPath, args];
  const commands = {
    'node -e 0': node('-e', '0'),
    'raw PKCS#11: login, decrypt, HMAC': node('-e', RAW),
    'coffer version': node(coffer, 'version'),
    'coffer seal-status': node(coffer, 'seal-status'),
    'coffer kv get': node(coffer, 'kv', 'get', 'kv/app'),
    'coffer kv get, seal wrap': node(coffer, 'kv', 'get', 'wrapped/app'),
    'coffer kv put': node(coffer, 'kv', 'put', 'kv/app', 'user=ada'),
    'coffer kv put, seal wrap': node(coffer, 'kv', 'put', 'wrapped/app', 'user=ada'),
    'coffer write transit/encrypt': node(coffer, 'write', 'transit/encrypt/k', 'plaintext=aGVsbG8='),
  };
  const times = Object.fromEntries(Object.keys(commands).map((name) => [name, []]));
  for (let round = -1; round < RUNS; round++) {
    for (const [name, [program, args]] of Object.entries(commands)) {
      const start = process.hrtime.bigint();
      const done = spawnSync(program, args, { env });
      const milliseconds = Number(process.hrtime.bigint() - start) / 1e6;
      if (done.status !== 0) throw new Error(`${name}: ${done.stderr}`);
      if (round >= 0) times[name].push(milliseconds);
    }
  }
  const base = median(times['node -e 0']);
  console.log(`medians of ${RUNS} interleaved runs, Node.js ${process.version}`);
  for (const [name, list] of Object.entries(times)) {
    console.log(
      `${name.padEnd(36)} ${median(list).toFixed(1).padStart(7)} ms ${(median(list) / base).toFixed(2).padStart(6)} x`,
    );
  }
} finally {
  rmSync(folder, { recursive: true });
}

function median(list) {
  return [...list].sort((a, b) => a - b)[Math.floor(list.length / 2)];
}
