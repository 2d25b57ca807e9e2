import { afterEach, describe, expect, it } from 'vitest';
import { hold } from '../support/hold.ts';
import { destroyKeys } from '../support/softhsm.ts';
import { configuration, makeStand, type Outcome, type Stand } from '../support/store.ts';

/** Programs that make a key of one name at the same moment: each has looked before the key of another is there. */

let stand: Stand;
afterEach(() => stand.remove());

/** Starts each, one after the other, until it is about to make a key; then lets all of them go on at once. */
async function together(...commands: readonly (readonly string[])[]): Promise<Outcome[]> {
  const held = [];
  for (const command of commands)
    held.push(await hold(stand, command, [command.includes('-type=rsa') ? 'C_GenerateKeyPair:1' : 'C_GenerateKey:1']));
  return Promise.all(held.map(async (each) => each.end()));
}

function labels(): string[] {
  const { keys } = JSON.parse(stand.ok('hsm', 'keys', '-format=json')) as { keys: { label: string; class: string }[] };
  return keys.map(({ label, class: keyClass }) => (keyClass === 'public' ? `${label} (public)` : label)).sort();
}

/** The token's own files can be away for a moment, which is not what this is about: see `ownToken` in store.ts. */
function isOfRace({ status, stderr }: Outcome): boolean {
  return status === 0 || /"code":"(?:key_raced|key_exists)"/.test(stderr);
}

describe('hsm keygen, twice at once', () => {
  it.each([
    ['random ids', ['-type=aes']],
    ['one id', ['-type=hmac', '-id=0a0b']],
    ['key pairs', ['-type=rsa', '-bits=2048']],
  ])('leaves one key, and says so to the other: %s', { timeout: 120_000 }, async (_name, flags) => {
    stand = makeStand({ shim: true });
    let races = 0;
    for (let n = 0; n < 4 && races < 2; n++) {
      const args = [
        'hsm',
        'keygen',
        `-label=key-${n}`,
        '-format=json',
        ...flags.map((flag) => flag.replace('0a0b', `0a${n}b`)),
      ];
      const outcomes = await together(args, args, args);
      if (!outcomes.every(isOfRace)) continue;
      races += 1;
      expect(outcomes.filter(({ stderr }) => stderr.includes('key_raced'))).toHaveLength(2);
      expect(outcomes.map(({ status }) => status).sort(), outcomes.map(({ stderr }) => stderr).join('')).toEqual([
        0, 3, 3,
      ]);
      const parts = flags.includes('-type=rsa') ? [`key-${n}`, `key-${n} (public)`] : [`key-${n}`];
      expect(labels().filter((label) => label.startsWith(`key-${n}`))).toEqual(parts);
    }
    expect(races).toBeGreaterThan(0);
  });
});

describe('a key that was being made when its program was killed', () => {
  it(
    'is named to who makes one with that id afterwards, which works once it is removed',
    { timeout: 60_000 },
    async () => {
      stand = makeStand({ shim: true });
      const args = ['hsm', 'keygen', '-label=key', '-id=0a0b', '-format=json'];
      const held = await hold(stand, args, ['C_OpenSession:2']);
      held.kill('SIGKILL');
      await held.outcome;
      const { keys } = JSON.parse(stand.ok('hsm', 'keys', '-format=json')) as { keys: { id: string }[] };
      expect(keys).toHaveLength(1);
      const refused = stand.run(args);
      expect(refused).toMatchObject({ status: 3, stdout: '' });
      expect(refused.stderr).toContain('"code":"key_raced"');
      expect(refused.stderr).toContain(`label \\"key\\", id ${keys[0]?.id ?? 'none'}`);
      expect(labels()).toEqual(['key']);
      destroyKeys(stand.hsm, 'key');
      expect(stand.run(args)).toMatchObject({ status: 0 });
    },
  );
});

describe('init of two stores on one fresh token', () => {
  it('leaves one key of each label, and every store that was made opens', { timeout: 120_000 }, async () => {
    let other = '';
    let outcomes: Outcome[] = [];
    const init = (config: string): string[] => [
      '-config',
      config,
      'init',
      '-recovery-shares=0',
      '-recovery-threshold=0',
      '-format=json',
    ];
    for (let tries = 0; tries < 5 && !(outcomes.length > 0 && outcomes.every(isOfRace)); tries++) {
      if (tries > 0) stand.remove();
      stand = makeStand({ shim: true });
      other = stand.write('other.hcl', configuration({ ...stand, path: `${stand.dir}/other/coffer.db` }));
      outcomes = await together(init(stand.config), init(other));
    }
    expect(labels().filter((label) => label === 'hsm_demo').length).toBeLessThan(2);
    expect(labels().filter((label) => label === 'hsm_hmac_demo').length).toBeLessThan(2);
    for (const [at, config] of [stand.config, other].entries()) {
      const outcome = outcomes[at];
      if (outcome === undefined || outcome.status !== 0) expect(outcome?.stderr).toContain('key_raced');
      if (outcome?.status !== 0) expect(stand.run(['-config', config, 'init'])).toMatchObject({ status: 0 });
      expect(stand.run(['-config', config, 'unseal'])).toMatchObject({ status: 0 });
    }
    expect(labels()).toEqual(['hsm_demo', 'hsm_hmac_demo']);
  });
});
