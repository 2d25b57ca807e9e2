import { chmodSync, existsSync, readdirSync, readFileSync, realpathSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { usualPlaces } from '../../src/core/setup/places.ts';
import { answer, choose } from '../support/dialogue.ts';
import { atTerminal, KEYS, plain, type Typist } from '../support/pty.ts';
import { createSoftHsm } from '../support/softhsm.ts';
import { makeStand, type Stand } from '../support/store.ts';

const ESCAPE = '\x1b';

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
    expect(plain(refused.screen())).toContain('error: no configuration was written');
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

  it('does not ask whether to replace a folder', async () => {
    stand.write('folder/none', '');
    const typist = atTerminal(stand, 'coffer setup -config=folder', fresh);
    expect(await typist.ends).toBe(1);
    expect(plain(typist.screen()).replace(/\s+/g, ' ')).toMatch(/setup writes one file, and folder is a folder/);
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

  /** Waits for a question that was asked before, and answers it. */
  async function again(typist: Typist, since: number, question: string, text: string): Promise<void> {
    await typist.shows((screen) => plain(screen.slice(since)).includes(question));
    typist.type(`${text}${KEYS.enter}`);
  }

  it('goes a question back with Esc, and proposes what was answered', async () => {
    const typist = atTerminal(stand, 'coffer setup -config=back.hcl', { ...fresh, ...stand.anotherUser });
    await choose(typist, 'Which token holds the keys?', /demo \(SoftHSM/);
    await choose(typist, 'Where does the user PIN come from?', /from a file/);
    await typist.shows('Absolute path of the PIN file');
    typist.type(ESCAPE);
    await choose(typist, 'Where does the user PIN come from?', /from an environment variable/);
    await answer(typist, 'Name of the variable', 'COFFER_HSM_PIN');
    await answer(typist, 'Label of the wrapping key', 'first-label');
    await typist.shows('Label of the HMAC key');
    const since = typist.screen().length;
    typist.type(ESCAPE);
    await typist.shows((screen) => plain(screen.slice(since)).includes('Label of the wrapping key (first-label)'));
    const before = typist.screen().length;
    typist.type(ESCAPE);
    await again(typist, before, 'Where does the user PIN come from?', '');
    await again(typist, before, 'Label of the wrapping key', 'second-label');
    await again(typist, before, 'Label of the HMAC key', '-');
    await answer(typist, 'May `coffer init` create', '');
    await answer(typist, 'Path of the store', join(stand.dir, 'back.db'));
    await answer(typist, "Mix the HSM's", 'n');
    await answer(typist, 'PIN of the token "demo"', 'pin-4711');
    expect(await typist.ends).toBe(0);
    const text = readFileSync(join(stand.dir, 'back.hcl'), 'utf8');
    expect(text).toContain('key_label = "second-label"');
    expect(text).not.toContain('first-label');
    expect(text).not.toMatch(/^ {2}pin = /m);
  });

  it('ends where Esc leads before the first question', async () => {
    const typist = atTerminal(stand, 'coffer setup -config=back2.hcl', fresh);
    await typist.shows('Which token holds the keys?');
    typist.type(ESCAPE);
    expect(await typist.ends).toBe(2);
    expect(existsSync(join(stand.dir, 'back2.hcl'))).toBe(false);
  });

  it('tries the generator whose bytes are wanted, also where there is no key yet', async () => {
    const env = { ...fresh, ...stand.anotherUser, COFFER_SHIM_FAULT: 'random-stuck', COFFER_HSM_PIN: 'pin-4711' };
    const typist = atTerminal(stand, 'coffer setup -config=random.hcl', { ...env, COFFER_HSM_LIB: stand.lib });
    await choose(typist, 'Which token holds the keys?', /demo \(SoftHSM/);
    await choose(typist, 'Where does the user PIN come from?', /from an environment variable/);
    await answer(typist, 'Name of the variable', 'COFFER_HSM_PIN');
    await answer(typist, 'Label of the wrapping key', 'none-yet');
    await answer(typist, 'Label of the HMAC key', '-');
    await answer(typist, 'May `coffer init` create', '');
    await answer(typist, 'Path of the store', join(stand.dir, 'random.db'));
    await answer(typist, "Mix the HSM's", '');
    await typist.shows('Write the configuration all the same?');
    expect(plain(typist.screen())).toMatch(/error: .*C_GenerateRandom|error: .*random/);
    const since = typist.screen().length;
    typist.type(ESCAPE);
    await again(typist, since, "Mix the HSM's", 'n');
    expect(await typist.ends).toBe(0);
    expect(readFileSync(join(stand.dir, 'random.hcl'), 'utf8')).toContain('# entropy "seal" {');
  });

  it('does not offer a token that has no mechanism for wrapping, and says why', async () => {
    const wrapping = ['0x1085', '0x1082', '0x1087', '0x9', '0x1'].map((type) => `without-mechanism:${type}`).join(',');
    const env = { ...fresh, COFFER_SHIM_FAULT: wrapping, COFFER_HSM_LIB: stand.lib };
    const typist = atTerminal(stand, 'coffer setup -config=none.hcl', env);
    await typist.shows('Which token holds the keys?');
    const screen = plain(typist.screen()).replace(/\s+/g, ' ');
    expect(screen).toContain('token "demo" has no mechanism that coffer could wrap by');
    expect(screen).not.toContain('demo (SoftHSM');
    typist.type(KEYS.ctrlC);
    expect(await typist.ends).toBe(2);
  });

  it('initialises a blank token on the way, or says with which command that is done', async () => {
    const env = { ...fresh, ...stand.anotherUser, COFFER_HSM_LIB: stand.lib };
    const typist = atTerminal(stand, 'coffer setup -config=blank.hcl', env);
    await choose(typist, 'Which token holds the keys?', /no label \(SoftHSM/);
    await answer(typist, 'Initialise the token in slot', 'n');
    await typist.shows('it can be initialised later with');
    const since = typist.screen().length;
    expect(plain(typist.screen()).replace(/\n/g, '')).toMatch(
      new RegExp(`coffer hsm init-token -lib=${stand.lib} -slot=\\d+ -label=coffer`),
    );
    await choose(typist, 'Which token holds the keys?', /no label \(SoftHSM/);
    await again(typist, since, 'Initialise the token in slot', 'y');
    await answer(typist, 'Label of the token', 'made-here');
    await answer(typist, 'New security officer PIN', 'so-pin-1');
    await answer(typist, 'New security officer PIN, again', 'so-pin-1');
    await answer(typist, 'New user PIN, which coffer logs in with', 'pin-1234');
    await answer(typist, 'New user PIN, which coffer logs in with, again', 'pin-1234');
    await typist.shows('Initialised the token "made-here"');
    await choose(typist, 'Where does the user PIN come from?', /ask for it/);
    await answer(typist, 'Label of the wrapping key', '');
    await answer(typist, 'Label of the HMAC key', '');
    await answer(typist, 'May `coffer init` create', '');
    await answer(typist, 'Path of the store', join(stand.dir, 'blank.db'));
    await answer(typist, "Mix the HSM's", '');
    expect(await typist.ends).toBe(0); // with the PIN that it has just been given
    expect(typist.screen()).not.toMatch(/pin-1234|so-pin/);
    expect(readFileSync(join(stand.dir, 'blank.hcl'), 'utf8')).toMatch(/token_label = "made-here"\n {2}serial = "/);
    const init = ['-config=blank.hcl', 'init', '-recovery-shares=0', '-recovery-threshold=0'];
    expect(stand.run(init, { env: { ...fresh, COFFER_HSM_PIN: 'pin-1234' } }).status).toBe(0);
  });

  it('goes back in the questions about a blank token, too, and ends without saying that nothing was done to it', async () => {
    const env = { ...fresh, ...stand.anotherUser, COFFER_HSM_LIB: stand.lib };
    const typist = atTerminal(stand, 'coffer setup -config=half.hcl', env);
    const goBack = async (question: string, to: string): Promise<void> => {
      await typist.shows(question);
      const since = typist.screen().length;
      typist.type(ESCAPE);
      await typist.shows((screen) => plain(screen.slice(since)).includes(to));
    };
    await choose(typist, 'Which token holds the keys?', /no label \(SoftHSM/);
    await answer(typist, 'Initialise the token in slot', 'y');
    await goBack('Label of the token', 'Initialise the token in slot');
    let since = typist.screen().length;
    typist.type(`y${KEYS.enter}`);
    await again(typist, since, 'Label of the token', 'kept-label');
    await goBack('New security officer PIN', 'Label of the token (kept-label)');
    since = typist.screen().length;
    typist.type(KEYS.enter);
    await again(typist, since, 'New security officer PIN', 'so-pin-0');
    await goBack('New security officer PIN, again', 'New security officer PIN');
    typist.type(`so-pin-1${KEYS.enter}`);
    since = typist.screen().length;
    await again(typist, since, 'New security officer PIN, again', 'so-pin-1');
    await goBack('New user PIN, which coffer logs in with', 'New security officer PIN');
    typist.type(`so-pin-2${KEYS.enter}`);
    since = typist.screen().length;
    await again(typist, since, 'New security officer PIN, again', 'so-pin-2');
    await again(typist, since, 'New user PIN, which coffer logs in with', 'pin-1234');
    await again(typist, since, 'New user PIN, which coffer logs in with, again', 'pin-1234');
    await typist.shows('Initialised the token "kept-label"');
    await typist.shows('Where does the user PIN come from?');
    typist.type(KEYS.ctrlC);
    expect(await typist.ends).toBe(2);
    expect(plain(typist.screen())).toContain('error: no configuration was written');
    expect(plain(typist.screen())).not.toContain('nothing was done');
    const [, slot = ''] = /"kept-label" in slot (\d+)/.exec(plain(typist.screen())) ?? [];
    const officer = { COFFER_HSM_SO_PIN: 'so-pin-2', COFFER_HSM_PIN: 'pin-4711', ...fresh, COFFER_HSM_LIB: stand.lib };
    const init = ['hsm', 'init-token', '-force', `-slot=${slot}`, '-label=made-anew'];
    expect(stand.run(init, { env: officer })).toMatchObject({ status: 0 }); // the second SO PIN is the one that it got
  });

  it('is what a command without a configuration names', () => {
    const { status, stderr } = stand.run(['seal-status'], { env: { COFFER_CONFIG: '', XDG_CONFIG_HOME: '/nowhere' } });
    expect(status).toBe(1);
    expect(stderr).toMatch(/no configuration found|hint/);
    expect(stderr).toContain('write one with `coffer setup`');
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
