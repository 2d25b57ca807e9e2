import * as fs from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { makeHome, sealWith } from './home.ts';

const storage = (path: string): string => `storage "sqlite" { path = "${path}" }\n`;
const raft = 'storage "raft" {\n  path = "/vault/data"\n}\n';

describe('several configuration files', () => {
  it('are one configuration, whichever of them has what', async () => {
    const home = makeHome();
    const files = [
      home.write('a.hcl', `ui = true\nauto_unseal = true\n${sealWith('name = "a"')}`),
      home.write('b.json', '{"storage": {"sqlite": {"path": "/x"}}, "entropy": {"seal": {"mode": "augmentation"}}}'),
    ];
    const config = await home.load(files);
    expect(config).toMatchObject({
      files,
      seal: { name: 'a' },
      storage: { path: '/x' },
      entropyAugmentation: true,
      autoUnseal: true,
      notes: [expect.stringMatching(/a\.hcl: ignored, for only a Vault server needs it: ui$/)],
    });
    expect(await home.load([...files].reverse())).toMatchObject({ files: [...files].reverse(), autoUnseal: true });
  });

  it("take the last file's storage, also in place of one that coffer does not have, and say so", async () => {
    const home = makeHome();
    const server = home.write('server.hcl', raft + sealWith());
    const own = home.write('own.hcl', storage('/own.db'));
    expect(await home.load([server, own])).toMatchObject({
      storage: { path: '/own.db' },
      notes: [`${server}:1:1: storage "raft" is ignored: ${own} has one, and the last file counts`],
    });
    expect(await home.failure([own, server])).toMatchObject({ code: 'config_storage_type' });
  });

  it('take the last value of a top-level key', async () => {
    const home = makeHome();
    const one = home.write('one.hcl', `auto_unseal = true\n${sealWith()}`);
    const two = home.write('two.hcl', 'auto_unseal = false\n');
    expect((await home.load([one, two])).autoUnseal).toBe(false);
    expect((await home.load([two, one])).autoUnseal).toBe(true);
  });

  it('add up their seals, so that only one of them may be there that is not disabled', async () => {
    const home = makeHome();
    const one = home.write('one.hcl', sealWith('key_label = "one"'));
    const two = home.write('two.hcl', sealWith('key_label = "two"'));
    const error = await home.failure([one, two]);
    expect([error.code, error.message]).toEqual([
      'config_duplicate',
      `${two}:1:1: seal "pkcs11": there is such a stanza already on line 1 of ${one}`,
    ]);
    const old = home.write('old.hcl', sealWith('key_label = "one"', 'disabled = "true"'));
    expect((await home.load([old, two])).seal.key.label).toBe('two');
  });

  it('are refused for a mistake in any of them, with its name', async () => {
    const home = makeHome();
    const good = home.write('good.hcl', sealWith());
    const unknown = await home.failure([good, home.write('bad.hcl', 'xyzzy = 1\n')]);
    expect(unknown.message).toMatch(/bad\.hcl:1:1: unknown key "xyzzy"$/);
    const wrapping = await home.failure([home.write('off.hcl', 'disable_sealwrap = true\n'), good]);
    expect(wrapping.code).toBe('unsupported');
    expect(await home.failure([good, join(home.path, 'gone.hcl')])).toMatchObject({ code: 'config_not_found' });
    fs.chmodSync(good, 0o666);
    expect(await home.failure([home.write('x.hcl', storage('/x')), good])).toMatchObject({ code: 'config_writable' });
  });

  it('count a file once that is named twice', async () => {
    const home = makeHome();
    const file = home.write('conf/c.hcl', sealWith());
    fs.symlinkSync(file, join(home.path, 'link.hcl'));
    expect((await home.load([file, join(home.path, 'conf'), join(home.path, 'link.hcl')])).files).toEqual([file]);
  });

  it('tell of the one that others can read and that has the PIN, and of no other', async () => {
    const home = makeHome();
    const pin = home.write('pin.hcl', sealWith('pin = "1"'), 0o644);
    const other = home.write('other.hcl', storage('/x'), 0o644);
    expect((await home.load([other, pin])).notes).toEqual([expect.stringContaining(`${pin}: holds a PIN`)]);
    fs.chmodSync(pin, 0o600);
    expect((await home.load([other, pin])).notes).toEqual([]);
  });
});

describe('a configuration folder', () => {
  it('stands for its .hcl and .json files in the order of their names, by -config and by COFFER_CONFIG', async () => {
    const home = makeHome();
    const [b, a] = [home.write('conf/20.hcl', storage('/b')), home.write('conf/10.hcl', raft + sealWith())];
    const json = home.write('conf/30.json', '{"auto_unseal": true}');
    for (const name of ['notes.txt', '10.hcl~', '.#10.hcl', '#10.hcl#', '40.hcl.bak'])
      home.write(`conf/${name}`, 'not a { configuration');
    home.write('conf/sub.hcl/x.hcl', 'xyzzy = 1\n');
    const folder = join(home.path, 'conf');
    for (const load of [home.load(folder), home.load(null, { COFFER_CONFIG: folder }), home.load(`${folder}/`)])
      expect(await load).toMatchObject({ files: [a, b, json], storage: { path: '/b' }, autoUnseal: true });
  });

  it('is an error where it holds no configuration', async () => {
    const home = makeHome();
    home.write('conf/notes.txt', '');
    const error = await home.failure(join(home.path, 'conf'));
    expect([error.code, error.message]).toEqual([
      'config_not_found',
      `no configuration in the folder ${join(home.path, 'conf')}`,
    ]);
  });

  it.each([0o777, 0o770, 0o1777])('is refused where others can add files to it: mode %o', async (mode) => {
    const home = makeHome();
    home.write('conf/c.hcl', sealWith());
    fs.chmodSync(join(home.path, 'conf'), mode);
    expect(await home.failure(join(home.path, 'conf'))).toMatchObject({ code: 'config_writable' });
  });

  it.runIf(process.getuid?.() === 0)("is refused where it is another user's", async () => {
    const home = makeHome();
    home.write('conf/c.hcl', sealWith());
    fs.chownSync(join(home.path, 'conf'), 12345, 12345);
    expect(await home.failure(join(home.path, 'conf'))).toMatchObject({ code: 'config_writable' });
  });
});
