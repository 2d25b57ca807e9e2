import { randomBytes } from 'node:crypto';
import { afterEach, describe, expect, it } from 'vitest';
import { decodeRecord } from '../../src/seal/record.ts';
import { readRows, writeRows } from '../support/store.ts';
import { MECHANISM_STEPS, type Step, type TestModule } from '../support/modules/token.ts';
import { probe } from './probe.ts';
import { makeConformanceStand, USUAL_KEYS, type ConformanceStand } from './stand.ts';

const CKM = { 'aes-cbc-pad': 0x1085, 'aes-cbc': 0x1082, 'aes-gcm': 0x1087, 'rsa-oaep': 0x9, 'rsa-pkcs': 0x1 } as const;

/**
 * What coffer promises, on one module. What this release of the module refuses, or this machine lacks, is skipped by name and
 * reason.
 */
export async function conformance(module: TestModule): Promise<void> {
  const refusals = await probe(module);
  const unless: { readonly [step in Step]?: string } = {
    ...Object.fromEntries(Object.entries(refusals).filter(([step]) => !module.always.some((each) => each === step))),
    ...module.cannot,
  };
  describe(module.name, () => {
    let stand: ConformanceStand;
    afterEach(() => stand.remove());

    /** A fact that needs these abilities of the module. */
    function fact(name: string, steps: readonly Step[], run: () => Promise<void>): void {
      const reason = module.missing ?? steps.map((step) => unless[step]).find((each) => each !== undefined) ?? null;
      if (reason === null) it(name, run);
      else it.skip(`${name} (${reason})`);
    }

    async function opened(seal: readonly string[] = USUAL_KEYS): Promise<void> {
      stand = await makeConformanceStand(module);
      stand.configure(seal);
      stand.ok('init', '-recovery-shares=1', '-recovery-threshold=1');
      stand.ok('unseal');
      stand.ok('secrets', 'enable', '-seal-wrap', 'kv');
      stand.ok('kv', 'put', 'kv/a', 'b=first');
    }

    function code(...args: string[]): string {
      const { status, stderr } = stand.run([...args, '-format=json']);
      const { code: named } = JSON.parse(stderr.trim().split('\n').at(-1) ?? '{}') as { code: string };
      return `${status} ${named}`;
    }

    /** The one seal-wrapped value. */
    function value(): { path: string; bytes: Uint8Array } {
      const row = readRows(stand.path).find(({ path }) => path.startsWith('data/'));
      if (row === undefined) throw new Error('there is a value');
      return { path: row.path, bytes: new Uint8Array(row.value) };
    }

    fact('refuses nothing that every release of it can do', [], async () => {
      stand = await makeConformanceStand(module);
      expect(module.always.flatMap((step) => refusals[step] ?? [])).toEqual([]);
    });

    fact('has nothing to say against the keys that coffer makes', [], async () => {
      stand = await makeConformanceStand(module);
      expect(stand.run(['init', '-recovery-shares=0', '-recovery-threshold=0'])).toMatchObject({
        status: 0,
        stderr: expect.not.stringContaining('warning:') as string,
      });
      expect(stand.run(['unseal'])).toMatchObject({ status: 0, stderr: '' });
      const { checks } = JSON.parse(stand.run(['diagnose', '-format=json']).stdout) as {
        checks: { name: string; status: string }[];
      };
      for (const name of ['wrapping key', 'HMAC key'])
        expect(checks.find((check) => check.name === name)).toMatchObject({ status: 'ok' });
    });

    fact('opens what it wrapped, small and large, with the mechanism that it finds best', [], async () => {
      await opened();
      expect(stand.ok('kv', 'get', '-field=b', 'kv/a')).toBe('first');
      const large = randomBytes(100_000).toString('base64');
      expect(stand.run(['kv', 'put', 'kv/large', 'b=-'], { input: large }).status).toBe(0);
      expect(stand.ok('kv', 'get', '-field=b', 'kv/large')).toBe(large);
      expect(stand.run(['seal-status']).status).toBe(0);
      stand.ok('seal');
      expect(code('kv', 'get', 'kv/a')).toBe('2 sealed');
      stand.ok('unseal');
      expect(stand.ok('kv', 'get', '-field=b', 'kv/a')).toBe('first');
    });

    describe.each(MECHANISM_STEPS)('mechanism %s', (step) => {
      fact('wraps and unwraps', [step], async () => {
        await opened([...USUAL_KEYS, `mechanism = "${CKM[step]}"`]);
        expect(stand.ok('kv', 'get', '-field=b', 'kv/a')).toBe('first');
        expect(decodeRecord(value().bytes).wraps[0]?.mechanism).toBe(CKM[step]);
      });
    });

    fact('needs no HMAC key for AES-GCM', ['aes-gcm'], async () => {
      await opened(['key_label = "wrapping"']);
      expect(stand.ok('kv', 'get', '-field=b', 'kv/a')).toBe('first');
      expect(decodeRecord(value().bytes)).toMatchObject({ macStanza: null, wraps: [{ mechanism: CKM['aes-gcm'] }] });
    });

    fact('encrypts outside of the HSM with an RSA key', ['rsa-oaep'], async () => {
      await opened([...USUAL_KEYS, `mechanism = "${CKM['rsa-oaep']}"`, 'rsa_encrypt_local = "true"']);
      expect(stand.ok('kv', 'get', '-field=b', 'kv/a')).toBe('first');
    });

    fact('finds a changed byte, wherever it is', [], async () => {
      await opened();
      const { path, bytes } = value();
      const inBody = decodeRecord(bytes).header.length + 20;
      for (const at of [0, 5, inBody, bytes.length - 40, bytes.length - 1]) {
        writeRows(stand.path, { [path]: bytes.map((byte, index) => (index === at ? byte ^ 1 : byte)) });
        expect(code('kv', 'get', 'kv/a')).toBe('4 record_altered');
      }
      writeRows(stand.path, { [path]: bytes });
      expect(stand.ok('kv', 'get', '-field=b', 'kv/a')).toBe('first');
    });

    fact('gives random bytes that pass the health tests', ['random'], async () => {
      await opened();
      stand.ok('secrets', 'enable', '-external-entropy-access', 'transit');
      const draw = (): string => stand.ok('write', '-field=random_bytes', 'transit/random/32', 'source=seal');
      expect(draw()).not.toBe(draw());
      stand.ok('write', '-f', 'transit/keys/orders');
    });

    fact(
      'writes with new keys and opens with old ones after a rotation, until all is moved',
      ['rotation'],
      async () => {
        await opened();
        const former = ['previous_key_label = "wrapping"', 'previous_hmac_key_label = "hmac"'];
        stand.configure(['key_label = "wrapping-2"', 'hmac_key_label = "hmac-2"', ...former]);
        expect(code('kv', 'put', 'kv/b', 'b=second')).toBe('3 key_not_found');
        stand.ok('hsm', 'keygen');
        expect(stand.ok('kv', 'get', '-field=b', 'kv/a')).toBe('first');
        stand.ok('kv', 'put', 'kv/b', 'b=second');
        expect(stand.ok('kv', 'get', '-field=b', 'kv/b')).toBe('second');
        stand.ok('sealwrap', 'rewrap');
        stand.ok('operator', 'rotate');
        expect(stand.ok('kv', 'get', '-field=b', 'kv/a')).toBe('first');
        const labels = readRows(stand.path)
          .filter(({ path }) => path.startsWith('data/') || path === 'core/record')
          .map((row) => decodeRecord(new Uint8Array(row.value)))
          .map(({ wraps, macStanza }) => `${wraps[0]?.keyLabel} ${macStanza?.keyLabel}`);
        expect(new Set(labels)).toEqual(new Set(['wrapping-2 hmac-2']));
      },
    );

    fact('tells a wrong PIN', [], async () => {
      await opened();
      const wrong = stand.run(['kv', 'get', 'kv/a', '-format=json'], {
        env: { COFFER_HSM_PIN: stand.token.wrongPin ?? '00000000', XDG_STATE_HOME: `${stand.dir}/state-of-another` },
      });
      expect(wrong.status).toBe(3);
      expect(wrong.stderr).toContain('"code":"pin_incorrect"');
      expect(stand.run(['unseal', '-force']).status).toBe(0);
    });

    fact('tells a missing key', [], async () => {
      await opened();
      stand.configure(['key_label = "wrapping"', 'hmac_key_label = "nowhere"', 'previous_hmac_key_label = "hmac"']);
      expect(code('kv', 'put', 'kv/b', 'b=c')).toBe('3 key_not_found');
      stand.configure(['key_label = "nowhere"', 'hmac_key_label = "hmac"', 'previous_key_label = "wrapping"']);
      expect(code('kv', 'put', 'kv/b', 'b=c')).toBe('3 key_not_found');
    });

    fact('shows slots, mechanisms and keys, and passes its own tests', [], async () => {
      await opened();
      expect(stand.ok('hsm', 'slots')).not.toBe('');
      expect(stand.ok('hsm', 'mechanisms')).toContain('CKM_');
      expect(stand.ok('hsm', 'keys')).toContain('wrapping');
      expect(stand.run(['hsm', 'test'])).toMatchObject({ status: 0 });
      expect(stand.run(['operator', 'diagnose'])).toMatchObject({ status: 0 });
    });
  });
}
