import { readdirSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { hold } from '../support/hold.ts';
import { configuration, makeStand, type Stand } from '../support/store.ts';

/** Two programs that make a key of one name: one stands still before a look, while the other does all that it does. */

const campaign = process.env['COFFER_CAMPAIGN'] === '1';

let stand: Stand;
afterEach(() => stand.remove());

interface Listed {
  readonly label: string;
  readonly id: string;
  readonly class: string;
}

function keys(): Listed[] {
  return (JSON.parse(stand.ok('hsm', 'keys', '-format=json')) as { keys: Listed[] }).keys;
}

const secretLabels = (): string[] =>
  keys()
    .flatMap(({ label, class: keyClass }) => (keyClass === 'public' ? [] : [label]))
    .sort();

const SAYS_SO = /"code":"(?:key_raced|key_exists)"/;
const LOOK = 'C_FindObjectsInit';

/**
 * Which looks of a command, counted from 1, are worth standing still before, by the calls that it makes alone: its first, the
 * last before it makes a key, and those after it. COFFER_CAMPAIGN=1 takes those in between too.
 * @param after how many looks after the making; later ones see what it made
 */
function looksToHold(calls: readonly string[], { after = Infinity, all = campaign } = {}): number[] {
  const made = calls.findIndex((name) => name.startsWith('C_GenerateKey'));
  const before = calls.slice(0, made).filter((name) => name === LOOK).length;
  const count = calls.filter((name) => name === LOOK).length;
  expect(before).toBeGreaterThan(0);
  expect(count).toBeGreaterThan(before);
  const looks = Array.from({ length: Math.min(count, before + after) }, (_, at) => at + 1);
  return all ? looks : looks.filter((n) => n === 1 || n >= before);
}

/** The calls of a command on a token of its own. */
function callsOf(...args: string[]): string[] {
  stand = makeStand({ shim: true });
  stand.ok(...args);
  const calls = stand.shim?.calls() ?? [];
  stand.remove();
  return calls;
}

describe('hsm keygen, held before a look while another runs to its end', () => {
  it.each([
    ['one label', ['-label=key'], ['-label=key']],
    ['one label, key pairs', ['-label=key', '-type=rsa', '-bits=2048'], ['-label=key', '-type=rsa', '-bits=2048']],
    ['one label and one id', ['-label=key', '-id=0a0b'], ['-label=key', '-id=0a0b']],
    ['one id, written in two ways, and two labels', ['-label=key', '-id=0a0b'], ['-label=other', '-id=000a0b']],
  ])('leaves one key, and one of the two says so: %s', { timeout: 180_000 }, async (_name, first, second) => {
    const keygen = (flags: readonly string[]): string[] => ['hsm', 'keygen', '-format=json', ...flags];
    for (const n of looksToHold(callsOf(...keygen(second)))) {
      stand = makeStand({ shim: true });
      const held = await hold(stand, keygen(second), [`${LOOK}:${n}`]);
      expect(held.isOver).toBe(false);
      const outcomes = [stand.run(keygen(first)), await held.end()];
      expect({ n, made: secretLabels().length, statuses: outcomes.map(({ status }) => status).sort() }).toEqual({
        n,
        made: 1,
        statuses: [0, 3],
      });
      expect(outcomes.find(({ status }) => status === 3)?.stderr).toMatch(SAYS_SO);
      const publicHalves = keys().filter(({ class: keyClass }) => keyClass === 'public');
      expect(publicHalves).toHaveLength(first.includes('-type=rsa') ? 1 : 0);
      stand.remove();
    }
  });

  it('makes exactly one where both have made theirs before either looks', { timeout: 120_000 }, async () => {
    for (const flags of [['-label=key'], ['-label=key', '-id=0a0b']]) {
      stand = makeStand({ shim: true });
      const both = await Promise.all(
        [0, 1].map(async () =>
          hold(stand, ['hsm', 'keygen', '-format=json', ...flags], ['C_GenerateKey:1', 'C_Finalize:1']),
        ),
      );
      for (const held of both) await held.next();
      expect(secretLabels()).toEqual(['key', 'key']);
      const outcomes = await Promise.all(both.map(async (held) => held.end()));
      expect(outcomes.map(({ status }) => status).sort(), outcomes.map(({ stderr }) => stderr).join('')).toEqual([
        0, 3,
      ]);
      expect(secretLabels()).toEqual(['key']);
      stand.remove();
    }
  });
});

describe('init of two stores on one token, one held before a look while the other runs to its end', () => {
  it.each([
    ['by label', ''],
    ['by label and id', '  key_id = "0a0b"\n  hmac_key_id = "0c0d"'],
    ['under one label', '  hmac_key_label = "hsm_demo"'],
  ])(
    'leaves one key of each name, and every store that was made opens: keys %s',
    { timeout: 300_000 },
    async (_name, seal) => {
      const init = (config: string): string[] => [
        '-config',
        config,
        'init',
        '-recovery-shares=0',
        '-recovery-threshold=0',
        '-format=json',
      ];
      const written = (name: string, path: string): string => {
        const text = configuration({ ...stand, path }, { seal });
        return stand.write(name, seal.includes('hmac_key_label') ? text.replace(/.*"hsm_hmac_demo"\n/, '') : text);
      };
      stand = makeStand({ shim: true });
      stand.ok(...init(written('one.hcl', join(stand.dir, 'one/coffer.db'))));
      // Between its looks for the one key and for the other it finds only the second: shown once, by label.
      const looks = looksToHold(stand.shim?.calls() ?? [], { after: 4, all: campaign || seal === '' });
      stand.remove();
      for (const n of looks) {
        stand = makeStand({ shim: true });
        const [one, two] = [
          written('one.hcl', join(stand.dir, 'one/coffer.db')),
          written('two.hcl', join(stand.dir, 'two/coffer.db')),
        ];
        const held = await hold(stand, init(two), [`${LOOK}:${n}`]);
        expect(held.isOver).toBe(false);
        const outcomes = [stand.run(init(one)), await held.end()];
        const made = keys()
          .map(({ label }) => label)
          .sort();
        expect({ n, made }).toEqual({
          n,
          made: seal.includes('hmac_key_label') ? ['hsm_demo', 'hsm_demo'] : ['hsm_demo', 'hsm_hmac_demo'],
        });
        for (const [at, config] of [one, two].entries()) {
          const { status, stderr } = outcomes[at] ?? { status: null, stderr: '' };
          if (status !== 0) {
            expect(stderr).toMatch(/"code":"key_raced"/);
            stand.ok(...init(config));
          }
          stand.ok('-config', config, 'unseal');
        }
        stand.remove();
      }
    },
  );
});

describe('an init that fails after it made keys', () => {
  it.each([
    ['the HSM does not encrypt', 'fail:C_Encrypt:0x30'],
    ['what it makes does not open', 'fail:C_Decrypt:0x30'],
  ])('takes them back: %s', (_name, fault) => {
    stand = makeStand({ shim: true });
    const failed = stand.run(['init', '-format=json'], { env: { COFFER_SHIM_FAULT: fault } });
    expect(failed.status).toBe(3);
    expect(failed.stderr).not.toContain('key_left');
    expect(keys()).toEqual([]);
    stand.open();
  });

  it('takes them back where the store cannot be written', async () => {
    stand = makeStand({ shim: true });
    const place = join(stand.dir, 'place');
    // From then on no file grows beyond 8192 bytes, which is less than what the COMMIT writes, and it hears EFBIG.
    const line =
      'trap "" XFSZ; coffer init -recovery-shares=0 -recovery-threshold=0 -format=json & ' +
      `while [ ! -e ${place}.held ]; do sleep .05; done; prlimit --pid $! --fsize=8192; : >${place}; wait $!`;
    const failed = await stand.shell(line, { COFFER_SHIM_FAULT: `hold:C_Decrypt:1:${place}` });
    expect(failed).toMatchObject({ status: 2, stderr: expect.stringContaining('"code":"storage_') as unknown });
    expect(stand.shim?.calls()).toContain('C_GenerateKey');
    expect(keys()).toEqual([]);
    stand.open();
  });

  it('leaves those that it found', () => {
    stand = makeStand({ shim: true });
    stand.ok('hsm', 'keygen', '-type=hmac', '-label=hsm_hmac_demo');
    expect(stand.run(['init'], { env: { COFFER_SHIM_FAULT: 'fail:C_Decrypt:0x30' } }).status).toBe(3);
    expect(secretLabels()).toEqual(['hsm_hmac_demo']);
    stand.open();
  });

  it('names a key that it could not take back', () => {
    stand = makeStand({ shim: true });
    const failed = stand.run(['init', '-format=json'], {
      env: { COFFER_SHIM_FAULT: 'fail:C_Decrypt:0x30:2,fail:C_DestroyObject:0x30' },
    });
    expect(failed).toMatchObject({ status: 3, stderr: expect.stringContaining('"code":"key_left"') as unknown });
    for (const { label, id } of keys()) expect(failed.stderr).toContain(`label \\"${label}\\" and id ${id}`);
    expect(keys()).toHaveLength(2);
    stand.open();
  });
});

describe('a token that changes no ids', () => {
  it('has one key with the id that was asked for, whoever looks meanwhile', { timeout: 120_000 }, async () => {
    stand = makeStand({ shim: true });
    const flags = ['hsm', 'keygen', '-label=key', '-id=0a0b', '-format=json'];
    const fault = 'fail:C_SetAttributeValue:0x10';
    expect(stand.run(flags, { env: { COFFER_SHIM_FAULT: fault } })).toMatchObject({ status: 0 });
    expect(keys()).toMatchObject([{ label: 'key', id: '0a0b' }]);
    const calls = stand.shim?.calls() ?? [];
    expect(calls.lastIndexOf('C_GenerateKey')).toBeLessThan(calls.lastIndexOf('C_DestroyObject'));
  });
});

describe('a key that goes away between C_FindObjects and C_GetAttributeValue', () => {
  const GONE = 'fail:C_GetAttributeValue:0x82';
  const flags = ['hsm', 'keygen', '-label=key', '-format=json'];

  it('is not there for hsm keygen and hsm keys', () => {
    stand = makeStand({ shim: true });
    stand.ok('hsm', 'keygen', '-label=other', '-id=01');
    for (const args of [
      [...flags, '-id=01'],
      ['hsm', 'keygen', '-label=other', '-format=json'],
    ]) {
      expect(stand.run(args, { env: { COFFER_SHIM_FAULT: `${GONE}:1` } }).stderr).not.toContain('CKR_');
    }
    expect(stand.run(['hsm', 'keys', '-format=json'], { env: { COFFER_SHIM_FAULT: `${GONE}:1` } })).toMatchObject({
      status: 0,
    });
  });

  it('is none for whoever looks, where it is really removed between the two', { timeout: 180_000 }, async () => {
    let looks = 0;
    for (let n = 1; ; n++) {
      stand = makeStand({ shim: true });
      stand.ok('hsm', 'keygen', '-label=key');
      const looker = await hold(stand, flags, [`C_GetAttributeValue:${n}`]);
      if (!looker.isOver) {
        for (const file of objectFiles(stand.hsm.conf)) rmSync(file);
        looks = n;
      }
      const { status, stderr } = await looker.end();
      if (status !== 0) expect(stderr).toMatch(SAYS_SO);
      stand.remove();
      if (looker.isOver) break;
    }
    expect(looks).toBeGreaterThan(0);
  });
});

/** Of the keys on a SoftHSM token. */
function objectFiles(conf: string): string[] {
  const tokens = join(dirname(conf), 'tokens');
  return readdirSync(tokens, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.object') && !name.endsWith('token.object'))
    .map((name) => join(tokens, name));
}
