import * as fs from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { hintText } from '../../../src/cli/remedies.ts';
import { makeHome, sealWith } from './home.ts';

const isRoot = process.getuid?.() === 0;

describe('configuration lookup', () => {
  it('takes -config before COFFER_CONFIG before the user directory', async () => {
    const home = makeHome();
    const named = home.write('named.hcl', sealWith('name = "named"'));
    const variable = home.write('variable.hcl', sealWith('name = "variable"'));
    const user = home.write('.config/coffer/coffer.hcl', sealWith('name = "user"'));
    expect(await home.load(named, { COFFER_CONFIG: variable })).toMatchObject({
      files: [named],
      seal: { name: 'named' },
    });
    expect(await home.load(null, { COFFER_CONFIG: variable })).toMatchObject({
      files: [variable],
      seal: { name: 'variable' },
    });
    expect(await home.load(null)).toMatchObject({ files: [user], seal: { name: 'user' } });
    expect(await home.load(null, { COFFER_CONFIG: '' })).toMatchObject({ seal: { name: 'user' } });
  });

  it('takes XDG_CONFIG_HOME when it is absolute', async () => {
    const home = makeHome();
    home.write('.config/coffer/coffer.hcl', sealWith('name = "user"'));
    home.write('xdg/coffer/coffer.hcl', sealWith('name = "xdg"'));
    expect((await home.load(null, { XDG_CONFIG_HOME: join(home.path, 'xdg') })).seal.name).toBe('xdg');
    expect((await home.load(null, { XDG_CONFIG_HOME: 'xdg' })).seal.name).toBe('user');
  });

  it('lists where it looked, with a stanza to write', async () => {
    const home = makeHome();
    const error = await home.failure(null);
    expect(error.code).toBe('config_not_found');
    expect(error.exitStatus).toBe(1);
    expect(error.message).toContain(`${home.path}/.config/coffer/coffer.hcl`);
    expect(error.message).toContain('/etc/coffer/coffer.hcl');
    expect(hintText(error.hint ?? '')).toContain('coffer setup');
    expect(hintText(error.hint ?? '')).toContain('seal "pkcs11" {');
    expect(hintText(error.hint ?? '')).toContain('-config=PATH');
    expect(hintText(error.hint ?? '')).toContain('COFFER_CONFIG');
  });

  it('says which of -config and COFFER_CONFIG names a file that is not there', async () => {
    const home = makeHome();
    const gone = join(home.path, 'gone.hcl');
    const fromFlag = await home.failure(gone);
    expect([fromFlag.code, fromFlag.message]).toEqual([
      'config_not_found',
      `no configuration at ${gone}, which the command line names`,
    ]);
    const fromVariable = await home.failure(null, { COFFER_CONFIG: gone, COFFER_SEAL_TYPE: 'pkcs11' });
    expect(fromVariable.message).toBe(`no configuration at ${gone}, which COFFER_CONFIG names`);
    expect(hintText(fromFlag.hint ?? '')).toMatch(/^write one with `coffer setup` and the same -config, which asks/);
    expect(hintText(fromVariable.hint ?? '')).toMatch(/^write one with `coffer setup`, which asks/);
    const json = await home.failure(join(home.path, 'gone.json')); // which setup does not write
    expect(hintText(json.hint ?? '')).toMatch(/^write the file or correct -config/);
  });

  it('does without a file when COFFER_SEAL_TYPE is pkcs11', async () => {
    const home = makeHome();
    const config = await home.load(null, {
      COFFER_SEAL_TYPE: 'pkcs11',
      COFFER_HSM_LIB: '/usr/lib/p11.so',
      COFFER_HSM_SLOT: '3',
      COFFER_HSM_KEY_LABEL: 'k',
    });
    expect(config).toMatchObject({ files: [], seal: { lib: '/usr/lib/p11.so', token: { slot: 3n } }, notes: [] });
    const error = await home.failure(null, { COFFER_SEAL_TYPE: 'pkcs11' });
    expect([error.code, error.message]).toEqual(['config_missing', 'environment: seal pkcs11: lib is missing']);
    expect(hintText(error.hint ?? '')).toContain('COFFER_HSM_LIB');
  });

  it('says what is missing where the environment names the module alone', async () => {
    const hintFor = async (env: Record<string, string>): Promise<string> =>
      hintText((await makeHome().failure(null, env)).hint ?? '');
    expect(await hintFor({ VAULT_HSM_LIB: '/usr/lib/p11.so' })).toMatch(
      /^set COFFER_SEAL_TYPE=pkcs11 beside VAULT_HSM_LIB to do without one, or write one with `coffer setup`/,
    );
    expect(await hintFor({})).toMatch(/^write one with `coffer setup`/);
  });

  it('refuses another COFFER_SEAL_TYPE', async () => {
    const error = await makeHome().failure(null, { COFFER_SEAL_TYPE: 'awskms' });
    expect(error.code).toBe('config_seal_type');
    expect(error.message).toContain('environment variable COFFER_SEAL_TYPE');
  });

  it('refuses a directory, a device, a huge file and text that is not UTF-8', async () => {
    const home = makeHome();
    expect(await home.failure(home.write('huge.hcl', `#${'x'.repeat(1 << 20)}`))).toMatchObject({
      code: 'config_unreadable',
    });
    expect(await home.failure(home.path)).toMatchObject({ code: 'config_unreadable' });
    expect(await home.failure('/dev/null')).toMatchObject({ code: 'config_unreadable' });
    const latin = home.write('latin.hcl', Uint8Array.from([0x23, 0xe9, 0x0a]));
    expect(await home.failure(latin)).toMatchObject({ code: 'config_syntax', message: `${latin}: is not UTF-8 text` });
  });
});

describe('a configuration file that others can write', () => {
  it.each([0o620, 0o602, 0o666])('is refused with mode %o', async (mode) => {
    const home = makeHome();
    const file = home.write('c.hcl', sealWith(), mode);
    const error = await home.failure(file);
    expect(error.code).toBe('config_writable');
    expect(error.message).toBe(`${file}: other users can write this configuration file`);
    expect(hintText(error.hint ?? '')).toContain(`chmod go-w ${file}`);
  });

  it('is refused when its directory lets others replace it, but not when that is sticky', async () => {
    const home = makeHome();
    const file = home.write('open/c.hcl', sealWith());
    fs.chmodSync(join(home.path, 'open'), 0o777);
    const error = await home.failure(file);
    expect(error.code).toBe('config_writable');
    expect(hintText(error.hint ?? '')).toContain(`chmod go-w ${join(home.path, 'open')}`);
    fs.chmodSync(join(home.path, 'open'), 0o1777);
    expect((await home.load(file)).files).toEqual([file]);
  });

  it('is refused when a symbolic link leads into such a directory', async () => {
    const home = makeHome();
    const file = home.write('open/c.hcl', sealWith());
    fs.chmodSync(join(home.path, 'open'), 0o777);
    fs.symlinkSync(file, join(home.path, 'link.hcl'));
    expect(await home.failure(join(home.path, 'link.hcl'))).toMatchObject({ code: 'config_writable' });
  });

  it.runIf(isRoot)('is refused when it belongs to another user', async () => {
    const home = makeHome();
    const file = home.write('c.hcl', sealWith());
    fs.chownSync(file, 12345, 12345);
    const error = await home.failure(file);
    expect([error.code, error.message]).toEqual([
      'config_writable',
      `${file}: this configuration file belongs to another user (uid 12345)`,
    ]);
  });

  it('may be readable by others', async () => {
    const home = makeHome();
    expect((await home.load(home.write('c.hcl', sealWith(), 0o644))).notes).toEqual([]);
  });
});
