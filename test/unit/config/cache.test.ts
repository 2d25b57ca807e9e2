import * as fs from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { makeHome, sealWith, type Home } from './home.ts';

const isRoot = process.getuid?.() === 0;

function onlyEntry(home: Home): string {
  const [entry, ...others] = home.cacheFiles();
  expect(others).toEqual([]);
  if (entry === undefined) throw new Error('nothing in the cache');
  return entry;
}

/** Changes the lib in a cached entry, so that it shows whether the entry was used. */
function mark(entry: string): void {
  fs.writeFileSync(entry, fs.readFileSync(entry, 'utf8').replace('/usr/lib/p11.so', '/from/cache.so'));
}

describe('the cache of parsed files', () => {
  it('is used for the same content, whatever the name, comments and blanks of the file', async () => {
    const home = makeHome();
    await home.load(home.write('c.hcl', sealWith()));
    mark(onlyEntry(home));
    expect((await home.load(join(home.path, 'c.hcl'))).seal.lib).toBe('/from/cache.so');
    expect((await home.load(home.write('d.hcl', `# c\n\n${sealWith()}ui = true\n`))).seal.lib).toBe('/from/cache.so');
    expect((await home.load(home.write('d.hcl', sealWith('slot = 1')))).seal.lib).toBe('/usr/lib/p11.so');
  });

  it('lies in a folder of mode 0700, in a file of mode 0600, below XDG_CACHE_HOME', async () => {
    const home = makeHome();
    await home.load(home.write('c.hcl', sealWith(), 0o644));
    expect(fs.statSync(onlyEntry(home)).mode & 0o777).toBe(0o600);
    expect(fs.statSync(join(onlyEntry(home), '..')).mode & 0o777).toBe(0o700);
    const cache = join(home.path, 'xdg');
    await home.load(join(home.path, 'c.hcl'), { XDG_CACHE_HOME: cache });
    expect(fs.readdirSync(join(cache, 'coffer'))).toHaveLength(1);
  });

  it('holds no PIN and no other secret, and its name does not depend on one', async () => {
    const home = makeHome();
    const text = (secret: string): string =>
      `# ${secret}\nlicense_path = "${secret}"\nlistener "tcp" {\n  key = "${secret}"\n}\n` +
      `kms_library "pkcs11" {\n  pin = "${secret}"\n}\n${sealWith(`pin = "${secret}"`)}`;
    for (const secret of ['hunter2', 'correct horse', '@0', 'x\\"y']) {
      const { seal } = await home.load(home.write('c.hcl', text(secret)));
      expect(seal.pin).toMatchObject({ kind: 'literal', value: secret.replace('\\', '') });
    }
    const content = fs.readFileSync(onlyEntry(home), 'utf8');
    expect(JSON.parse(content)).toEqual(['/usr/lib/p11.so', 'demo', 'k', 'h']);
  });

  it('never sees the PIN of a misspelt key, nor that of a stanza for another seal', async () => {
    const home = makeHome();
    await home.failure(home.write('c.hcl', sealWith('pinn = "hunter2"')));
    await home.failure(
      home.write('d.hcl', `seal "awskms" {\n  secret_key = "hunter2"\n}\nstorage "consul" {\n  token = "hunter2"\n}\n`),
    );
    const content = home.cacheFiles().map((file) => fs.readFileSync(file, 'utf8'));
    expect(content.length).toBeGreaterThan(0);
    expect(content.join('')).not.toContain('hunter2');
  });

  it.each(['', '{', '[]', 'null', '{}', '["/x","demo","k"]', '["/x","demo","k","h","x"]', '{"0":"/x","length":4}'])(
    'is ignored and written again when an entry is damaged: %s',
    async (content) => {
      const home = makeHome();
      const file = home.write('c.hcl', sealWith('pin = "x"'));
      const config = await home.load(file);
      const good = fs.readFileSync(onlyEntry(home), 'utf8');
      fs.writeFileSync(onlyEntry(home), content);
      expect(await home.load(file)).toEqual(config);
      expect(fs.readFileSync(onlyEntry(home), 'utf8')).toBe(good);
    },
  );

  it('is not believed when others can write the entry or the folder, or it is a link', async () => {
    const home = makeHome();
    const file = home.write('c.hcl', sealWith());
    await home.load(file);
    const entry = onlyEntry(home);
    const folder = join(entry, '..');

    mark(entry);
    fs.chmodSync(entry, 0o620);
    expect((await home.load(file)).seal.lib).toBe('/usr/lib/p11.so');

    mark(entry);
    fs.chmodSync(folder, 0o770);
    expect((await home.load(file)).seal.lib).toBe('/usr/lib/p11.so');
    fs.chmodSync(folder, 0o700);
    expect((await home.load(file)).seal.lib).toBe('/from/cache.so');

    fs.renameSync(entry, join(home.path, 'elsewhere'));
    fs.symlinkSync(join(home.path, 'elsewhere'), entry);
    expect((await home.load(file)).seal.lib).toBe('/usr/lib/p11.so');
    expect(fs.lstatSync(entry).isFile()).toBe(true);
  });

  it.runIf(isRoot)('is not believed when the entry belongs to somebody else', async () => {
    const home = makeHome();
    const file = home.write('c.hcl', sealWith());
    await home.load(file);
    mark(onlyEntry(home));
    fs.chownSync(onlyEntry(home), 12345, 12345);
    expect((await home.load(file)).seal.lib).toBe('/usr/lib/p11.so');
  });

  it('is done without when it cannot be written', async () => {
    const home = makeHome();
    home.write('.cache', 'not a folder');
    expect((await home.load(home.write('c.hcl', sealWith()))).seal.lib).toBe('/usr/lib/p11.so');
  });

  it('keeps the sixteen newest entries and leaves other files alone', async () => {
    const home = makeHome();
    const other = home.write('.cache/coffer/other', '');
    for (let i = 0; i < 20; i++) {
      const old = home.write(`.cache/coffer/config-${String(i).padStart(2, '0')}.json`, '{}');
      fs.utimesSync(old, 1000 + i, 1000 + i);
    }
    await home.load(home.write('c.hcl', sealWith()));
    const files = home.cacheFiles().map((path) => path.split('/').at(-1));
    expect(files).toHaveLength(17);
    expect(files).toContain('config-19.json');
    expect(files).not.toContain('config-04.json');
    expect(fs.existsSync(other)).toBe(true);
  });
});
