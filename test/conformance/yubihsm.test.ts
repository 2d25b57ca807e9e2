import { randomBytes } from 'node:crypto';
import { cpSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { answer, choose } from '../support/dialogue.ts';
import { COFFER } from '../support/program.ts';
import { atTerminal, plain } from '../support/pty.ts';
import { createYubiHsm, type Simulator, yubiHsm, yubiHsmWithoutAes } from '../support/modules/yubihsm.ts';
import { type ConformanceStand, makeConformanceStand } from './stand.ts';
import { conformance } from './suite.ts';

await conformance(yubiHsm);
await conformance(yubiHsmWithoutAes);

/** Sizes of the device's messages are among these. */
const SIZES = 5000;
const TIMEOUT = 'timeout = "2s"';
const KINDS = ['aes', 'hmac', 'rsa'];
const INIT = ['init', '-recovery-shares=1', '-recovery-threshold=1'];

describe.skipIf(yubiHsm.missing !== null)('a store on a YubiHSM 2, which is a simulator', { timeout: 900_000 }, () => {
  let stand: ConformanceStand;
  let simulator: Simulator;
  beforeAll(async () => {
    const module = {
      ...yubiHsm,
      async create(dir: string) {
        const token = await createYubiHsm(dir, {}, [TIMEOUT]);
        ({ simulator } = token);
        return token;
      },
    };
    stand = await makeConformanceStand(module);
    stand.ok(...INIT);
    stand.ok('unseal');
    stand.ok('secrets', 'enable', '-seal-wrap', 'kv');
    stand.ok('kv', 'put', 'kv/a', 'b=first');
  });
  afterAll(() => stand.remove());

  it('has keys of each kind that hsm keygen makes', () => {
    for (const type of KINDS)
      expect(stand.run(['hsm', 'keygen', `-type=${type}`, `-label=made-${type}`]), type).toMatchObject({ status: 0 });
    const listed = stand.ok('hsm', 'keys');
    for (const type of KINDS) expect(listed).toContain(`made-${type}`);
  });

  it('opens a value of every size', () => {
    const values = new Map<string, string>();
    for (let size = 0; size <= SIZES; size++) values.set(`kv/of/${size}`, 'x'.repeat(size));
    values.set('kv/of/large', randomBytes(500_000).toString('hex'));
    const lines = [...values].map(([path, v]) => JSON.stringify({ path, data: { v } }));
    expect(stand.run(['kv', 'import', '-'], { input: `${lines.join('\n')}\n` })).toMatchObject({ status: 0 });
    const exported = stand.run(['kv', 'export', '-mount=kv/of', '-force', '-']);
    expect(exported.status).toBe(0);
    const read = exported.stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { path: string; data: { v: string } });
    expect(read).toHaveLength(values.size);
    for (const { path, data } of read)
      expect(data.v === values.get(`kv/of/${path.replace(/^.*\//, '')}`), path).toBe(true);
    expect(stand.run(['sealwrap', 'rewrap'])).toMatchObject({ status: 0 });
    expect(stand.run(['diagnose', '-deep'])).toMatchObject({ status: 0 });
  });

  it('opens one more, 60 times in a row, and leaves no session open', async () => {
    for (let turn = 0; turn < 60; turn++) expect(stand.ok('kv', 'get', '-field=b', 'kv/a')).toBe('first');
    expect((await simulator.counts()).sessions).toBe(0);
  });

  it('serves 8 commands side by side', async () => {
    const outcomes = Array.from({ length: 8 }, (_, at) => stand.start(['kv', 'put', `kv/side-${at}`, `b=${at}`]));
    expect(await Promise.all(outcomes)).toEqual(Array.from({ length: 8 }, () => 0));
    for (let at = 0; at < 8; at++) expect(stand.ok('kv', 'get', '-field=b', `kv/side-${at}`)).toBe(String(at));
  });

  it('signs and decrypts with keys that stay in the device', () => {
    stand.ok('secrets', 'enable', 'transit');
    for (const type of ['rsa-2048', 'ecdsa-p256']) {
      const about = [`managed_key_name=managed-${type}`, 'generate=true', `key_type=${type}`];
      stand.ok('write', `transit/keys/${type}`, 'type=managed_key', ...about);
      const signature = stand.ok('write', '-field=signature', `transit/sign/${type}`, 'input=YQ==');
      const verify = ['write', '-field=valid', `transit/verify/${type}`];
      expect(stand.ok(...verify, 'input=YQ==', `signature=${signature}`)).toBe('true');
      expect(stand.ok(...verify, 'input=Yg==', `signature=${signature}`)).toBe('false');
    }
    const ciphertext = stand.ok('write', '-field=ciphertext', 'transit/encrypt/rsa-2048', 'plaintext=YQ==');
    expect(stand.ok('write', '-field=plaintext', 'transit/decrypt/rsa-2048', `ciphertext=${ciphertext}`)).toBe('YQ==');
  });

  it('says what its authentication key may not do', async () => {
    await simulator.restart({ capabilities: 'sign-hmac,verify-hmac,encrypt-cbc' });
    const outcome = stand.run(['kv', 'get', 'kv/a']);
    expect(outcome).toMatchObject({ status: 3, stdout: '' });
    expect(outcome.stderr).toContain('CKR_FUNCTION_REJECTED');
    await simulator.restart();
  });

  it('keeps no anchor, and says so at once', () => {
    const env = { COFFER_HSM_ANCHOR: 'write' };
    for (const args of [['unseal', '-force'], ['rotate']]) {
      const refused = stand.run([...args, '-format=json'], { env });
      expect(refused, args.join(' ')).toMatchObject({ status: 3, stdout: '' });
      expect(refused.stderr).toContain('"code":"anchor_refused"');
      expect(refused.stderr).not.toContain('did not answer');
    }
    expect(stand.run(['hsm', 'test'], { env }).stdout).toMatch(/C_CreateObject .* not supported/);
    expect(stand.ok('kv', 'get', '-field=b', 'kv/a')).toBe('first');
  });

  it('tells that the connector is away, and works again when it is back', async () => {
    simulator.stop();
    const { status, stdout, stderr } = stand.run(['kv', 'get', 'kv/a']);
    expect({ status, stdout }).toEqual({ status: 3, stdout: '' });
    expect(stderr).toContain('error: no token has label "YubiHSM"');
    expect(stand.ok('hsm', 'slots')).toContain('no token');
    await simulator.restart();
    expect(stand.ok('kv', 'get', '-field=b', 'kv/a')).toBe('first');
  });

  it('ends within the timeout where the connector takes a message and never answers', async () => {
    for (const hangAfter of [1, 3, 5, 8]) {
      await simulator.restart({ hangAfter });
      const outcome = stand.run(['kv', 'get', 'kv/a']);
      expect(outcome, String(hangAfter)).toMatchObject({ status: 3, signal: null, stdout: '' });
      expect(outcome.stderr).toContain('did not answer within 2 s');
    }
    await simulator.restart();
    expect(stand.ok('kv', 'get', '-field=b', 'kv/a')).toBe('first');
  });

  /** Runs a command with a connector that dies at each of its messages; `check` gets what the store is left with. */
  async function dying(args: readonly string[], check: (status: number | null) => void): Promise<void> {
    // What this machine remembers of the store goes with it, or an older one would be refused.
    const folders = [dirname(stand.path), join(stand.dir, 'home')];
    const copies = folders.map((folder) => `${folder}.before`);
    folders.forEach((folder, at) => cpSync(folder, copies[at] ?? '', { recursive: true }));
    for (let dieAfter = 1; ; dieAfter++) {
      for (const [at, folder] of folders.entries()) {
        rmSync(folder, { recursive: true });
        cpSync(copies[at] ?? '', folder, { recursive: true });
      }
      await simulator.restart({ dieAfter });
      const { status, signal, stderr } = stand.run(args);
      const hasDied = await simulator.counts().then(
        () => false,
        () => true,
      );
      expect(signal).toBeNull();
      expect([0, 3], stderr).toContain(status);
      await simulator.restart();
      check(status);
      if (!hasDied) break;
      expect(dieAfter).toBeLessThan(500);
    }
    for (const copy of copies) rmSync(copy, { recursive: true });
  }

  it('is as before or after where the connector dies at any message of a put', async () => {
    stand.ok('kv', 'put', 'kv/d', 'b=old');
    await dying(['kv', 'put', 'kv/d', 'b=new'], (status) => {
      const now = stand.ok('kv', 'get', '-field=b', 'kv/d');
      expect(status === 0 ? ['new'] : ['old', 'new']).toContain(now);
    });
  });

  /** A store that is small, for every try checks all of it. */
  function makeSmall(): void {
    stand.ok('secrets', 'disable', 'kv');
    stand.ok('secrets', 'enable', '-seal-wrap', 'kv');
    for (const name of ['a', 'b', 'c']) stand.ok('kv', 'put', `kv/${name}`, 'b=first');
  }

  function checkAll(): void {
    expect(stand.run(['operator', 'verify'])).toMatchObject({ status: 0 });
    for (const name of ['a', 'b', 'c']) expect(stand.ok('kv', 'get', '-field=b', `kv/${name}`)).toBe('first');
  }

  it('opens everything where the connector dies at any message of a rotation', async () => {
    makeSmall();
    await dying(['operator', 'rotate'], checkAll);
  });

  it('opens everything where the connector dies at any message of a rewrap', async () => {
    makeSmall();
    const former = ['previous_key_label = "wrapping"', 'previous_hmac_key_label = "hmac"'];
    stand.configure(['key_label = "wrapping-2"', 'hmac_key_label = "hmac-2"', ...former]);
    stand.ok('hsm', 'keygen');
    await dying(['sealwrap', 'rewrap'], (status) => {
      checkAll();
      const { old } = JSON.parse(stand.ok('sealwrap', 'status', '-format=json')) as { old: number };
      if (status === 0) expect(old).toBe(0);
    });
  });

  it('obeys no configuration that lies in the current directory', () => {
    writeFileSync(join(stand.dir, 'yubihsm_pkcs11.conf'), 'connector = http://127.0.0.1:1\n');
    const env = { YUBIHSM_PKCS11_CONF: simulator.config };
    const text = readFileSync(join(stand.dir, 'coffer.hcl'), 'utf8');
    writeFileSync(join(stand.dir, 'coffer.hcl'), text.replace(/^ *library_parameters = .*\n/m, ''));
    expect(stand.run(['kv', 'get', '-field=b', 'kv/a'], { env })).toMatchObject({ status: 0, stdout: 'first' });
  });
});

describe.skipIf(yubiHsm.missing !== null)('keys by an authentication key that may not do all', () => {
  const MAKES = 'generate-symmetric,generate-hmac,generate-asymmetric,get-opaque,put-opaque';
  const USES = 'encrypt-cbc,decrypt-cbc,sign-hmac,verify-hmac,decrypt-oaep,sign-pkcs,sign-pss,random';
  const DELETES = 'delete-symmetric,delete-hmac,delete-asymmetric,delete-opaque';

  async function withCapabilities(capabilities: string, use: (stand: ConformanceStand) => void): Promise<void> {
    const create = (dir: string) => createYubiHsm(dir, { capabilities }, []);
    const stand = await makeConformanceStand({ ...yubiHsm, create });
    try {
      use(stand);
    } finally {
      stand.remove();
    }
  }

  it('are made of each kind without one for wrap keys', () =>
    withCapabilities(`${MAKES},${USES},${DELETES}`, (stand) => {
      for (const type of KINDS) stand.ok('hsm', 'keygen', `-type=${type}`, `-label=made-${type}`);
      stand.ok(...INIT);
      stand.ok('unseal');
      stand.ok('secrets', 'enable', 'transit');
      const about = ['type=managed_key', 'managed_key_name=managed', 'generate=true', 'key_type=rsa-2048'];
      stand.ok('write', 'transit/keys/k', ...about);
    }));

  it('are all named where they cannot be removed', () =>
    withCapabilities(`${MAKES},${USES}`, (stand) => {
      const failed = stand.run(['hsm', 'keygen', '-label=left', '-id=1234', '-format=json']);
      expect(failed).toMatchObject({ status: 3, stdout: '' });
      expect(failed.stderr).toContain('"code":"key_left"');
      const { keys } = JSON.parse(stand.ok('hsm', 'keys', '-format=json')) as { keys: { label: string; id: string }[] };
      const left = keys.filter(({ label }) => label === 'left');
      expect(left).toHaveLength(2);
      for (const { id } of left) expect(failed.stderr).toContain(`id ${id}`);
    }));
});

describe.skipIf(yubiHsm.missing !== null)('setup with a YubiHSM 2, which is a simulator', () => {
  it('writes a configuration that init works with', async () => {
    const stand = await makeConformanceStand(yubiHsm);
    try {
      const config = join(stand.dir, 'home', 'coffer.hcl');
      const coffer = COFFER.map((word) => `'${word}'`).join(' ');
      const env = { COFFER_HSM_LIB: stand.token.lib, COFFER_HSM_LIBRARY_PARAMETERS: stand.token.parameters ?? '' };
      const typist = atTerminal(stand, `${coffer} setup -config=home/coffer.hcl`, { ...env, COFFER_CONFIG: '' });
      await choose(typist, 'Which token holds the keys?', /YubiHSM \(YubiHSM, serial 20260001/);
      await choose(typist, 'Where does the user PIN come from?', /ask for it/);
      await answer(typist, 'Label of the wrapping key', '');
      await answer(typist, 'Label of the HMAC key', '');
      await answer(typist, 'May `coffer init` create', '');
      await answer(typist, 'Path of the store', join(stand.dir, 'made/coffer.db'));
      await answer(typist, "Mix the HSM's random bytes", '');
      await answer(typist, 'PIN of the token "YubiHSM"', stand.token.pin);
      expect(await typist.ends).toBe(0);
      expect(plain(typist.screen())).toContain(`Success! Wrote ${config}`);
      expect(readFileSync(config, 'utf8')).toContain(`library_parameters = "${stand.token.parameters}"`);
      const made = stand.run(INIT, { env: { COFFER_CONFIG: config, COFFER_HSM_PIN: stand.token.pin } });
      expect(made).toMatchObject({ status: 0 });
    } finally {
      stand.remove();
    }
  });
});

describe.skipIf(yubiHsm.missing !== null)('init on a YubiHSM 2, which is a simulator', { timeout: 900_000 }, () => {
  it('makes a whole store or none where the connector dies at any message', async () => {
    for (let dieAfter = 1; await diesAt(dieAfter); dieAfter++) expect(dieAfter).toBeLessThan(500);
  });

  async function diesAt(dieAfter: number): Promise<boolean> {
    let simulator: Simulator | undefined;
    const stand = await makeConformanceStand({
      ...yubiHsm,
      async create(folder: string) {
        const token = await createYubiHsm(folder, {}, []);
        ({ simulator } = token);
        return token;
      },
    });
    try {
      await simulator?.restart({ dieAfter });
      const { status, stderr } = stand.run(INIT);
      const hasDied = await (simulator?.counts() ?? Promise.reject(new Error())).then(
        () => false,
        () => true,
      );
      if (!hasDied) expect(status, stderr).toBe(0);
      await simulator?.restart();
      const isThere = stand.run(['init', '-status']).status === 0;
      if (status === 0) expect(isThere).toBe(true);
      if (!isThere) stand.ok(...INIT);
      stand.ok('unseal');
      stand.ok('secrets', 'enable', '-seal-wrap', 'kv');
      stand.ok('kv', 'put', 'kv/a', 'b=first');
      expect(stand.ok('kv', 'get', '-field=b', 'kv/a')).toBe('first');
      return hasDied;
    } finally {
      stand.remove();
    }
  }
});
