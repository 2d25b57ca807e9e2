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
    await answer(typist, 'New security officer PIN', 'so-pin-2');
    await answer(typist, 'New security officer PIN, again', 'so-pin-1');
    await typist.shows('the two are not the same; both are asked for anew');
    const shown = (question: string) => (screen: string) =>
      plain(screen).split('asked for anew')[1]?.includes(question) === true;
    await typist.shows(shown('New security officer PIN'));
    typist.type(`so-pin-1${KEYS.enter}`); // the first was the one that was mistyped
    await typist.shows(shown('New security officer PIN, again'));
    typist.type(`so-pin-1${KEYS.enter}`);
    await typist.shows('New user PIN, which coffer logs in with');
    typist.type(`123${KEYS.enter}`);
    await typist.shows('has 3 bytes, and the token takes 4 to 255');
    typist.type(`${KEYS.backspace.repeat(3)}pin-4711${KEYS.enter}`);
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

describe('the PINs of coffer hsm init-token', () => {
  const stand = makeStand({ shim: true });
  afterAll(() => stand.remove());

  it.each([
    ['user', { COFFER_HSM_SO_PIN: 'so-pin-1', COFFER_HSM_PIN: '123' }, 'has 3 bytes, and the token takes 4 to 255'],
    ['user', { COFFER_HSM_SO_PIN: 'so-pin-1', COFFER_HSM_PIN: 'ä'.repeat(128) }, 'has 256 bytes, and the token takes'],
    ['security officer', { COFFER_HSM_SO_PIN: '123', COFFER_HSM_PIN: 'pin-4711' }, 'has 3 bytes, and the token takes'],
  ])('have lengths that the token takes, or nothing is sent to it: %s PIN', (name, env, words) => {
    stand.shim?.clear();
    const { status, stderr } = stand.run(['hsm', 'init-token', '-label=new', '-force', '-format=json'], { env });
    expect(status).toBe(1);
    expect(JSON.parse(stderr)).toMatchObject({
      errors: [expect.stringContaining(`the new ${name} PIN ${words}`) as string, 'choose another PIN'],
      code: 'pin_length',
    });
    expect(stand.shim?.calls()).toContain('C_GetTokenInfo');
    expect(stand.shim?.calls()).not.toContain('C_InitToken');
  });
});

describe('coffer hsm init-token that stops half way', () => {
  const init = ['hsm', 'init-token', '-label=new', '-force'];
  const env = { COFFER_HSM_SO_PIN: 'so-pin-1', COFFER_HSM_PIN: 'pin-4711' };

  it('leaves a token that says so wherever it is looked at, and is initialised by its slot', () => {
    const stand = makeStand({ shim: true });
    try {
      expect(stand.run(init, { env: { ...env, COFFER_SHIM_FAULT: 'misbehave:C_InitPIN:segv' } }).status).toBe(3);
      const slots = stand.ok('hsm', 'slots');
      expect(slots).toMatch(/^\d+ +new .* not set +half made: no user PIN$/m);
      const elsewhere = stand.run([...init, '-slot=77'], { env });
      expect(elsewhere.stderr).toMatch(/ {2}slot \d+: token "new", serial [0-9a-f]+, half made: it has no user PIN/);
      const login = stand.run(['hsm', 'keys'], { env: { COFFER_HSM_TOKEN_LABEL: 'new' } });
      expect(login.status).toBe(3);
      expect(login.stderr).toContain(
        'a token whose initialisation stopped half way is initialised again with `coffer hsm init-token`',
      );
      const [, slot = ''] = /^(\d+) +new /m.exec(slots) ?? [];
      expect(stand.run([...init, `-slot=${slot}`], { env })).toMatchObject({
        status: 0,
        stdout: expect.stringContaining('Success! Initialised the token "new"') as string,
      });
      expect(stand.ok('hsm', 'slots')).not.toContain('half made');
    } finally {
      stand.remove();
    }
  });

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
