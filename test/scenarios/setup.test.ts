import { chmodSync, existsSync, readdirSync, readFileSync, realpathSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { usualPlaces } from '../../src/core/setup/places.ts';
import { atTerminal, KEYS, plain, type Typist } from '../support/pty.ts';
import { createSoftHsm } from '../support/softhsm.ts';
import { makeStand, type Stand } from '../support/store.ts';

const DOWN = '\x1b[B';

/** Moves to the choice of that text and takes it: each key waits until the screen shows what the one before it did. */
async function choose(typist: Typist, question: string, choice: RegExp): Promise<void> {
  const asked = (screen: string): string =>
    plain(screen).split('\r').join('').slice(plain(screen).lastIndexOf(question));
  /** How often the list was drawn to its end. */
  const drawn = (text: string): number => text.split('⏎ select').length - 1;
  const marked = new RegExp(`❯ [^\n]*${choice.source}`);
  for (let moves = 0; moves < 20; moves++) {
    await typist.shows((screen) => screen.includes(question) && drawn(asked(screen)) > 0);
    const before = typist.screen();
    if (marked.test(asked(before))) {
      typist.type(KEYS.enter);
      return;
    }
    typist.type(DOWN);
    await typist.shows((screen) => drawn(plain(screen)) > drawn(plain(before)));
  }
  throw new Error(`no choice ${choice.source}:\n${plain(typist.screen())}`);
}

/** Answers a question; an empty answer takes what is proposed. */
async function answer(typist: Typist, question: string, text: string): Promise<void> {
  await typist.shows(question);
  typist.type(`${text}${KEYS.enter}`);
}

describe('coffer setup', () => {
  let stand: Stand;
  let target: string;
  let fresh: Readonly<Record<string, string>> = { COFFER_CONFIG: '' };
  beforeAll(() => {
    stand = makeStand({ pin: 'pin-4711', shim: true });
    const module = realpathSync(stand.hsm.lib);
    const isFound = usualPlaces().some(({ path }) => existsSync(path) && realpathSync(path) === module);
    if (!isFound) fresh = { ...fresh, COFFER_HSM_LIB: stand.hsm.lib }; // unpacked for the tests alone
    target = join(stand.dir, 'home/config/coffer/coffer.hcl');
  });
  afterAll(() => stand.remove());

  it('asks for what is missing and writes a configuration that init works with', async () => {
    const typist = atTerminal(
      stand,
      'umask 000; coffer setup -config=home/config/coffer/coffer.hcl; echo "status $?"',
      fresh,
    );
    await choose(typist, 'Which token holds the keys?', /demo \(SoftHSM/);
    await choose(typist, 'Where does the user PIN come from?', /ask for it/);
    await answer(typist, 'Label of the wrapping key', '');
    await answer(typist, 'Label of the HMAC key', '');
    await answer(typist, 'May `coffer init` create', '');
    await answer(typist, 'Path of the store', join(stand.dir, 'made/coffer.db'));
    await answer(typist, "Mix the HSM's random bytes", '');
    await typist.shows('PIN of the token "demo"');
    expect(existsSync(dirname(target))).toBe(false);
    await answer(typist, 'PIN of the token "demo"', 'pin-4711');
    await typist.shows('status ');
    await typist.ends;
    const screen = plain(typist.screen());
    expect(screen).toContain('`coffer init` will create "coffer" and "coffer-hmac" in the HSM');
    expect(screen).toContain(`Success! Wrote ${target}`);
    expect(screen).toContain('status 0');
    expect(typist.screen()).not.toContain('pin-4711');
    expect(statSync(target).mode & 0o777).toBe(0o600);
    expect(statSync(dirname(target)).mode & 0o777).toBe(0o700);
    expect(readdirSync(dirname(target))).toEqual(['coffer.hcl']);
    const text = readFileSync(target, 'utf8');
    expect(text).not.toContain('pin-4711');
    expect(text).toMatch(/^ {2}token_label = "demo"$/m);
    expect(text).toContain(`\n  serial = "${stand.hsm.serial}"\n`);
    expect(text).toMatch(/^ {2}generate_key = true$/m);

    const env = { ...fresh, COFFER_HSM_PIN: 'pin-4711' };
    const made = stand.run(['init', '-recovery-shares=0', '-recovery-threshold=0'], { env });
    expect(made).toMatchObject({ status: 0, stdout: expect.stringContaining('The store is initialised') as string });
    expect(existsSync(join(stand.dir, 'made/coffer.db'))).toBe(true);
    expect(stand.run(['unseal'], { env }).status).toBe(0);

    // Another token of the same label, in place of the one that was chosen, is not sent the PIN.
    stand.write('twin/none', '');
    const twin = createSoftHsm({ dir: join(stand.dir, 'twin'), label: 'demo', pin: 'pin-4711' });
    stand.shim?.clear();
    const refused = stand.run(['unseal'], { env: { ...env, ...twin.env, COFFER_HSM_LIB: stand.lib } });
    expect(refused.status, refused.stderr).toBe(3);
    expect(refused.stderr).toContain(`error: no token has label "demo" and serial "${stand.hsm.serial}"`);
    expect(stand.shim?.calls()).toContain('C_GetTokenInfo');
    expect(stand.shim?.calls()).not.toContain('C_Login');
  });

  it('tries the keys where they are, and replaces a file only when told so', async () => {
    stand.write('pin', 'pin-4711\n');
    const before = readFileSync(target, 'utf8');
    const refused = atTerminal(stand, 'coffer setup', { ...fresh, COFFER_CONFIG: target });
    await answer(refused, 'is there already. Replace it?', 'n');
    expect(await refused.ends).toBe(2);
    expect(plain(refused.screen())).toContain('error: nothing was written');
    expect(readFileSync(target, 'utf8')).toBe(before);

    const typist = atTerminal(stand, 'coffer setup', { ...fresh, COFFER_CONFIG: target });
    await answer(typist, 'is there already. Replace it?', 'y');
    await choose(typist, 'Which token holds the keys?', /demo \(SoftHSM/);
    await choose(typist, 'Where does the user PIN come from?', /from a file/);
    await answer(typist, 'Absolute path of the PIN file', join(stand.dir, 'pin'));
    await answer(typist, 'Label of the wrapping key', '');
    await answer(typist, 'Label of the HMAC key', '');
    await answer(typist, 'May `coffer init` create', 'n');
    await answer(typist, 'Path of the store', join(stand.dir, 'made/coffer.db'));
    await answer(typist, "Mix the HSM's random bytes", 'n');
    expect(await typist.ends).toBe(0);
    expect(plain(typist.screen())).toMatch(/Wrapping +CKM_AES_CBC_PAD +coffer +ok/);
    expect(readFileSync(target, 'utf8')).toContain(`pin = "file:${join(stand.dir, 'pin')}"`);
    expect(stand.run(['unseal'], { env: fresh })).toMatchObject({
      status: 0,
      stdout: 'Success! The store was already unsealed\n',
    });
  });

  it('takes a module by its path, sends a wrong PIN once, and then writes nothing unless told to', async () => {
    const typist = atTerminal(stand, 'coffer setup -config=other.hcl', { ...fresh, ...stand.anotherUser });
    await choose(typist, 'Which token holds the keys?', /another PKCS#11 module/);
    await typist.shows('Absolute path of the PKCS#11 module');
    typist.type(`relative.so${KEYS.enter}`);
    await typist.shows('the path begins with "/"');
    typist.type(`${KEYS.backspace.repeat(11)}/nowhere.so${KEYS.enter}`);
    await typist.shows('there is no such file');
    typist.type(`${KEYS.backspace.repeat(11)}${stand.lib}${KEYS.enter}`);
    await choose(typist, 'Which token holds the keys?', /demo \(SoftHSM[^\n]*\n?[^\n]*shim/);
    await choose(typist, 'Where does the user PIN come from?', /ask for it/);
    for (const question of [
      'Label of the wrapping key',
      'Label of the HMAC key',
      'May `coffer init` create',
      'Path of the store',
      "Mix the HSM's",
    ]) {
      await answer(typist, question, '');
    }
    await answer(typist, 'PIN of the token "demo"', 'pin-9999');
    await answer(typist, 'Write the configuration all the same?', '');
    expect(await typist.ends).toBe(2);
    expect(plain(typist.screen())).toContain('CKR_PIN_INCORRECT');
    expect(typist.screen()).not.toContain('pin-9999');
    expect(stand.shim?.calls().filter((call) => call === 'C_Login')).toHaveLength(1);
    expect(readdirSync(stand.dir).filter((name) => name.includes('other.hcl'))).toEqual([]);
    expect(stand.run(['-config', target, 'unseal', '-force'], { env: fresh }).status).toBe(0); // the token minds the wrong one
  });

  it('ends with Ctrl-C without a trace', async () => {
    const typist = atTerminal(stand, 'coffer setup -config=new/folder/other.hcl', fresh);
    await typist.shows('Which token holds the keys?');
    typist.type(KEYS.ctrlC);
    expect(await typist.ends).toBe(2);
    expect(existsSync(join(stand.dir, 'new'))).toBe(false);
  });

  it('does not write where others could put another file in its place', async () => {
    stand.write('open/none', '');
    chmodSync(join(stand.dir, 'open'), 0o777);
    const typist = atTerminal(stand, 'coffer setup -config=open/coffer.hcl', fresh);
    await choose(typist, 'Which token holds the keys?', /demo \(SoftHSM/);
    await choose(typist, 'Where does the user PIN come from?', /ask for it/);
    for (const question of [
      'Label of the wrapping key',
      'Label of the HMAC key',
      'May `coffer init` create',
      'Path of the store',
      "Mix the HSM's",
    ]) {
      await answer(typist, question, '');
    }
    expect(await typist.ends).toBe(1);
    expect(plain(typist.screen())).toMatch(/cannot write .*: other users can write/);
    expect(readdirSync(join(stand.dir, 'open'))).toEqual(['none']);
  });

  it('says which variables will go before the configuration', async () => {
    const env = {
      ...fresh,
      COFFER_HSM_KEY_LABEL: 'other',
      COFFER_HSM_PIN: 'pin-4711',
      COFFER_STORAGE_PATH: '/nowhere/coffer.db',
    };
    const typist = atTerminal(stand, 'coffer setup -config=other.hcl', env);
    await typist.shows('COFFER_HSM_KEY_LABEL');
    await typist.shows('Which token holds the keys?');
    typist.type(KEYS.ctrlC);
    expect(await typist.ends).toBe(2);
    const [, names] =
      /warning: (.*) will go before what the configuration says/.exec(plain(typist.screen()).replace(/\n/g, '')) ?? [];
    expect(names?.split(', ')).toEqual(expect.arrayContaining(['COFFER_HSM_KEY_LABEL', 'COFFER_STORAGE_PATH']));
    expect(names).not.toContain('PIN');
  });

  it('needs a terminal', () => {
    expect(stand.run(['setup'])).toMatchObject({
      status: 1,
      stdout: '',
      stderr: expect.stringContaining('coffer-config(5)') as string,
    });
    expect(stand.run(['setup', '-non-interactive']).status).toBe(1);
  });
});
