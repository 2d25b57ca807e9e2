import { afterEach, describe, expect, it } from 'vitest';
import { configuration, makeStand, type Outcome, type Stand } from '../support/store.ts';

/** Two programs that make a key of one name at the same moment. A slow C_GenerateKey has each look before the other's key is there. */

let stand: Stand;
afterEach(() => stand.remove());

const SLOW = { COFFER_SHIM_FAULT: 'hang:C_GenerateKey:400,hang:C_GenerateKeyPair:400' };

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
    for (let n = 0; n < 4; n++) {
      const args = ['hsm', 'keygen', `-label=key-${n}`, '-format=json', ...flags.map((flag) => flag.replace('0a0b', `0a${n}b`))];
      const outcomes = await Promise.all([0, 1, 2].map(async () => stand.start(args, { env: SLOW }).outcome));
      if (!outcomes.every(isOfRace)) continue;
      races += outcomes.filter(({ stderr }) => stderr.includes('key_raced')).length;
      expect(outcomes.map(({ status }) => status).sort(), outcomes.map(({ stderr }) => stderr).join('')).toEqual([0, 3, 3]);
      expect(labels().filter((label) => label === `key-${n}`)).toHaveLength(1);
    }
    expect(races).toBeGreaterThan(0);
    expect(labels().filter((label) => label.endsWith('(public)')).length).toBe(flags.includes('-type=rsa') ? labels().length / 2 : 0);
  });
});

describe('init of two stores on one fresh token', () => {
  it('leaves one key of each label, and every store that was made opens', { timeout: 120_000 }, async () => {
    let other = '';
    let outcomes: Outcome[] = [];
    const init = async (config: string) => stand.start(['-config', config, 'init', '-recovery-shares=0', '-recovery-threshold=0', '-format=json'], { env: SLOW }).outcome;
    for (let tries = 0; tries < 5 && !(outcomes.length > 0 && outcomes.every(isOfRace)); tries++) {
      if (tries > 0) stand.remove();
      stand = makeStand({ shim: true });
      other = stand.write('other.hcl', configuration({ ...stand, path: `${stand.dir}/other/coffer.db` }));
      outcomes = await Promise.all([stand.config, other].map(init));
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
