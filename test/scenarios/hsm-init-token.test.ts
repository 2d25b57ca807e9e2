import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { atTerminal, KEYS, plain, type Typist } from '../support/pty.ts';
import { makeStand, type Stand } from '../support/store.ts';

async function answer(typist: Typist, question: string, text: string): Promise<void> {
  await typist.shows(question);
  typist.type(`${text}${KEYS.enter}`);
}

describe('coffer hsm init-token at a terminal', () => {
  let stand: Stand;
  beforeAll(() => {
    stand = makeStand({ shim: true });
    stand.ok('hsm', 'keygen');
  });
  afterAll(() => stand.remove());

  const initialisations = (): number => stand.shim?.calls().filter((call) => call === 'C_InitToken').length ?? -1;
  const keys = (): string => stand.ok('hsm', 'keys', '-field=keys');

  it('erases a token in use only for somebody who types its label', async () => {
    for (const typed of ['other', '', 'DEMO']) {
      const typist = atTerminal(stand, `coffer hsm init-token -slot=${stand.hsm.slot} -label=new`);
      await typist.shows('this erases every key on the token "demo"');
      await answer(typist, 'Type its label to go on', typed);
      expect(await typist.ends).toBe(2);
      expect(plain(typist.screen())).toContain('error: nothing was initialised');
    }
    expect(initialisations()).toBe(0);
    expect(keys()).toContain('hsm_demo');
  });

  it('asks whether a blank token is meant, and no is the answer unless somebody says yes', async () => {
    const typist = atTerminal(stand, 'coffer hsm init-token -label=new');
    await answer(typist, 'Initialise the token in slot', '');
    expect(await typist.ends).toBe(2);
    expect(initialisations()).toBe(0);
  });

  it('wants new PINs twice, and shows none', async () => {
    const typist = atTerminal(stand, 'coffer hsm init-token -label=new');
    await answer(typist, 'Initialise the token in slot', 'y');
    await answer(typist, 'New security officer PIN', 'so-pin-1');
    await answer(typist, 'New security officer PIN, again', 'so-pin-2');
    await typist.shows('that is another one');
    typist.type(`${KEYS.backspace.repeat(8)}so-pin-1${KEYS.enter}`);
    await answer(typist, 'New user PIN, which coffer logs in with', 'pin-4711');
    await answer(typist, 'New user PIN, which coffer logs in with, again', 'pin-4711');
    expect(await typist.ends).toBe(0);
    expect(plain(typist.screen())).toMatch(/Success! Initialised the token "new" in slot \d+/);
    expect(typist.screen()).not.toMatch(/pin-4711|so-pin/);
    const env = { COFFER_HSM_TOKEN_LABEL: 'new', COFFER_HSM_PIN: 'pin-4711' };
    expect(stand.run(['hsm', 'keygen'], { env }).status).toBe(0);
    expect(keys()).toContain('hsm_demo'); // the other token is as it was
  });

  it("asks for the PIN that the token's security officer has, once", async () => {
    stand.shim?.clear();
    const typist = atTerminal(stand, `coffer hsm init-token -slot=${stand.hsm.slot} -label=new`, {
      COFFER_HSM_PIN: '1234',
    });
    await answer(typist, 'Type its label to go on', 'demo');
    await answer(typist, 'Security officer PIN of the token "demo"', '00000000');
    expect(await typist.ends).toBe(3);
    expect(plain(typist.screen())).toContain('C_InitToken (slot');
    expect(plain(typist.screen())).toContain('COFFER_HSM_SO_PIN');
    expect(initialisations()).toBe(1);
    expect(keys()).toContain('hsm_demo');
  });
});

describe('coffer hsm init-token with a PIN pad', () => {
  const stand = makeStand({ faults: ['protected-auth:4711'] });
  afterAll(() => stand.remove());

  it('asks for no PIN, needs none in the environment, and says where to enter them', () => {
    const made = stand.run(['hsm', 'init-token', '-label=new', '-force']);
    expect(made.stderr).toContain("on the token's PIN pad");
    expect(made.status).toBe(0);
    expect(made.stdout).toMatch(/^Success! Initialised the token "new" in slot \d+/);
    // What was entered there is the PIN of the new token.
    const env = { COFFER_HSM_TOKEN_LABEL: 'new' };
    expect(stand.run(['hsm', 'keygen'], { env }).status).toBe(0);
    expect(stand.run(['hsm', 'keygen'], { env: { ...env, COFFER_SHIM_FAULT: 'protected-auth:4712' } }).status).toBe(3);
  });
});

describe('coffer hsm init-token that stops half way', () => {
  const init = ['hsm', 'init-token', '-label=new', '-force'];
  const env = { COFFER_HSM_SO_PIN: 'so-pin-1', COFFER_HSM_PIN: 'pin-4711' };

  it.each([
    ['misbehave:C_InitPIN:segv', 'the token was erased and has no user PIN yet: initialise it again'],
    ['misbehave:C_Login:exit-0', 'the token was erased and has no user PIN yet: initialise it again'],
    ['misbehave:C_InitToken:segv', 'whether the token was erased is not known'],
    ['fail:C_InitPIN:0xA2', 'the token was erased and has no user PIN yet: initialise it again'],
  ])('says what became of the token: %s', (fault, words) => {
    const stand = makeStand({ shim: true });
    try {
      const { status, stdout, stderr } = stand.run(init, { env: { ...env, COFFER_SHIM_FAULT: fault } });
      expect({ status, stdout }).toEqual({ status: 3, stdout: '' });
      expect(stderr).toContain(`\nhint: ${words}`);
      expect(stderr).not.toContain('nothing in the store was changed');
    } finally {
      stand.remove();
    }
  });
});
