import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { CKM, type Session, withSession } from '../../../src/pkcs11/index.ts';
import { startChild } from '../../support/child.ts';
import { ANY_TOKEN, failure, freshToken, optionsFor, shimmed, temporaryFolder, present } from './fixture.ts';

const hsm = freshToken();
const dir = temporaryFolder();

const load = (lib: string) =>
  failure(withSession({ ...optionsFor(hsm), module: { lib, parameters: null } }, async () => null));

function file(name: string, content: string | Uint8Array): string {
  const path = join(dir, name);
  writeFileSync(path, content);
  return path;
}

describe('a module that cannot be loaded', () => {
  it('is missing', async () => {
    const error = await load('/nonexistent/libhsm.so');
    expect(error.code).toBe('module_not_found');
    expect(error.exitStatus).toBe(3);
    expect(error.message).toBe('there is no PKCS#11 module at /nonexistent/libhsm.so');
    expect(error.hint).toContain('COFFER_HSM_LIB');
  });

  it('is below something that is not a folder', async () => {
    expect((await load(`${file('plain', 'x')}/libhsm.so`)).code).toBe('module_not_found');
  });

  it('is a folder', async () => {
    mkdirSync(join(dir, 'folder'));
    expect((await load(join(dir, 'folder'))).message).toMatch(/is not a file$/);
  });

  it.skipIf(process.getuid?.() === 0)('is not readable', async () => {
    const path = file('unreadable.so', '');
    chmodSync(path, 0);
    expect((await load(path)).code).toBe('module_unreadable');
  });

  it.each([
    ['text', 'this is text, and long enough for a header of an ELF file to be read from it'],
    ['empty', ''],
  ])('is no shared library (%s)', async (name, content) => {
    const path = file(name, content);
    const error = await load(path);
    expect(error.code).toBe('module_invalid');
    expect(error.message).toMatch(new RegExp(`^${path} cannot be loaded as a PKCS#11 module: .*(ELF|short)`));
    expect(error.hint).toContain('it is not a shared library');
  });

  it('is built for another word size', async () => {
    const header = Uint8Array.of(0x7f, 0x45, 0x4c, 0x46, 1, 1, 1, ...new Uint8Array(200));
    const error = await load(file('elf32.so', header));
    expect(error.code).toBe('module_invalid');
    expect(error.message).toContain('wrong ELF class: ELFCLASS32');
    expect(error.hint).toContain(process.arch);
  });

  it('is a shared library without C_GetFunctionList', async () => {
    const addon = join(import.meta.dirname, '../../../node_modules/pkcs11js/build/Release/pkcs11.node');
    const error = await load(addon);
    expect(error.code).toBe('module_invalid');
    expect(error.message).toContain('undefined symbol: C_GetFunctionList');
    expect(error.hint).toContain('not a PKCS#11 module');
  });

  it('does not start', async () => {
    const shim = shimmed(hsm, 'fail:C_Initialize:0x5');
    const error = await failure(withSession(optionsFor(hsm, shim), async () => null));
    expect(error.message).toBe('C_Initialize failed: CKR_GENERAL_ERROR (0x5)');
    expect(error.hint).toContain('the module could not start');
    expect(shim.calls()).toEqual(['C_Initialize']);
  });
});

describe('C_Finalize', () => {
  it('ends a session that went well', async () => {
    const shim = shimmed(hsm);
    expect(await withSession(optionsFor(hsm, shim), async () => 'result')).toBe('result');
    expect(shim.calls().filter((name) => name === 'C_Finalize')).toHaveLength(1);
    expect(shim.calls().at(-1)).toBe('C_Finalize');
  });

  it("is called when the caller throws, and the error is the caller's own", async () => {
    const shim = shimmed(hsm, 'fail:C_Finalize:0x5');
    const mine = new Error('mine');
    expect(await failure(withSession(optionsFor(hsm, shim), async () => Promise.reject(mine)))).toBe(mine);
    expect(shim.calls().at(-1)).toBe('C_Finalize');
  });

  it('may itself fail without taking the result away', async () => {
    const shim = shimmed(hsm, 'fail:C_Finalize:0x30');
    expect(await withSession(optionsFor(hsm, shim), async () => 5)).toBe(5);
    await withSession(optionsFor(hsm), async () => null);
  });

  it('leaves no handlers behind', async () => {
    const count = () => ['SIGINT', 'SIGTERM', 'SIGHUP', 'exit'].map((event) => process.listenerCount(event));
    const before = count();
    await withSession(optionsFor(hsm), async () => expect(count()).toEqual(before.map((n) => n + 1)));
    await load('/nonexistent/libhsm.so');
    await failure(withSession(optionsFor(hsm), async () => Promise.reject(new Error('mine'))));
    expect(count()).toEqual(before);
  });

  it('puts an end to the session object', async () => {
    const kept: Session[] = [];
    await withSession(optionsFor(hsm), async (session) => kept.push(session));
    expect(() => present(kept[0]).random(4)).toThrow('C_GenerateRandom failed: CKR_CRYPTOKI_NOT_INITIALIZED');
  });

  it('is not left out when the module was initialised already', async () => {
    const shim = shimmed(hsm);
    await withSession(optionsFor(hsm, shim), () =>
      withSession(optionsFor(hsm, shim), async (session) => session.random(4)),
    );
    expect(shim.calls().filter((name) => name === 'C_Initialize')).toHaveLength(2);
    expect(shim.calls().at(-1)).toBe('C_Finalize');
  });
});

const CHILD = (use: string): string => `
  import { withSession } from './src/pkcs11/index.ts';
  import { NO_MEMORY, PLAIN_LOGIN } from './test/support/login.ts';
  const say = (text: string) => new Promise((resolve) => process.stderr.write(text + '\\n', resolve));
  await withSession(
    {
      module: { lib: process.env.LIB!, parameters: null },
      token: { slot: null, label: ${JSON.stringify(hsm.label)}, serial: null, manufacturer: null, model: null },
      readWrite: false, ...PLAIN_LOGIN, pinMemory: NO_MEMORY,
      pin: async () => ${JSON.stringify(hsm.pin)},
    },
    async (session) => { ${use} },
  );
`;

const FOREVER = "await say('open'); await new Promise((resolve) => setTimeout(resolve, 20_000));";

describe('a process that ends while a session is open', () => {
  it.each(['SIGINT', 'SIGTERM', 'SIGHUP'] as const)('finalises the module and dies by %s', async (signal) => {
    const shim = shimmed(hsm);
    const { child, ended } = startChild(CHILD(FOREVER), { ...shim.env, LIB: shim.lib });
    child.stderr?.once('data', () => child.kill(signal));
    expect(await ended).toMatchObject({ signal, code: null });
    expect(shim.calls().at(-1)).toBe('C_Finalize');
  });

  it('exits with 128 + n where somebody else listens for the signal too, after them', async () => {
    const shim = shimmed(hsm);
    const use = `process.on('SIGTERM', () => console.error('theirs')); ${FOREVER}`;
    const { child, ended } = startChild(CHILD(use), { ...shim.env, LIB: shim.lib });
    child.stderr?.once('data', () => child.kill('SIGTERM'));
    expect(await ended).toEqual({ signal: null, code: 143, stdout: '', stderr: 'open\ntheirs\n' });
    expect(shim.calls().at(-1)).toBe('C_Finalize');
  });

  it.each([
    ['process.exit', 'process.exit(7)', 7],
    ['an uncaught exception', "setTimeout(() => { throw new Error('loose'); }); " + FOREVER, 1],
  ])('finalises the module on %s', async (_how, use, code) => {
    const shim = shimmed(hsm);
    const { ended } = startChild(CHILD(use), { ...shim.env, LIB: shim.lib });
    expect((await ended).code).toBe(code);
    expect(shim.calls().filter((name) => name === 'C_Finalize')).toHaveLength(1);
  });

  it('waits for a call that is under way', async () => {
    const shim = shimmed(hsm, 'hang:C_GenerateRandom:400');
    const { child, ended } = startChild(CHILD("await say('open'); session.random(8); await say('after'); " + FOREVER), {
      ...shim.env,
      LIB: shim.lib,
    });
    child.stderr?.once('data', () => child.kill('SIGTERM'));
    expect((await ended).signal).toBe('SIGTERM');
    expect(shim.calls().slice(-2)).toEqual(['C_GenerateRandom', 'C_Finalize']);
  });
});

describe('the shim', () => {
  it('crashes a process where it is told to', async () => {
    const shim = shimmed(hsm, 'crash:C_Initialize');
    expect((await startChild(CHILD(''), { ...shim.env, LIB: shim.lib }).ended).signal).toBe('SIGSEGV');
    expect(shim.calls()).toEqual(['C_Initialize']);
  });

  it('removes the token after so many calls', async () => {
    const shim = shimmed(hsm, 'token-removed-after:8');
    const error = await failure(
      withSession(optionsFor(hsm, shim), async (session) => {
        for (;;) {
          session.random(4);
        }
      }),
    );
    expect(error.message).toBe('C_GenerateRandom failed: CKR_DEVICE_REMOVED (0x32)');
    expect(shim.calls()).toHaveLength(10);
  });

  it('spoils randomness as it is told to', async () => {
    const stuck = shimmed(hsm, 'random-stuck');
    const bytes = await withSession(optionsFor(hsm, stuck), async (session) => session.random(64));
    expect(new Set(bytes).size).toBe(1);

    const biased = shimmed(hsm, 'random-biased');
    const half = await withSession(optionsFor(hsm, biased), async (session) => session.random(512));
    expect(half.filter((byte) => byte === 0x5a)).toHaveLength(256);
    expect(half.some((byte, i) => byte === half[i + 1] && byte === 0x5a)).toBe(false);

    const broken = shimmed(hsm, 'random-error');
    const error = await failure(withSession(optionsFor(hsm, broken), async (session) => session.random(64)));
    expect(error.message).toBe('C_GenerateRandom failed: CKR_RANDOM_NO_RNG (0x121)');
  });
});

describe('random', () => {
  it('gives as many different bytes as were asked for, and asks nothing for none', async () => {
    const shim = shimmed(hsm);
    const [none, first, second] = await withSession(optionsFor(hsm, shim), async (session) => [
      session.random(0),
      session.random(48),
      session.random(48),
    ]);
    expect([none.length, first.length, second.length]).toEqual([0, 48, 48]);
    expect(first).not.toEqual(second);
    expect(new Set(first).size).toBeGreaterThan(20);
    expect(shim.calls().filter((name) => name === 'C_GenerateRandom')).toHaveLength(2);
  });
});

describe('the calls of one open, login, decrypt and verify', () => {
  it('are no more than these', async () => {
    const iv = new Uint8Array(16);
    const cbc = { type: CKM.AES_CBC_PAD, iv };
    const hmac = { type: CKM.SHA256_HMAC };
    const made = await withSession(optionsFor(hsm, null, { readWrite: true }), async (session) => {
      const wrapping = session.generateAesKey('w', null);
      const mac = session.generateHmacKey('m', null);
      return {
        id: wrapping.id,
        macId: mac.id,
        sealed: session.encrypt(wrapping, cbc, iv),
        tag: session.sign(mac, hmac, iv),
      };
    });
    const shim = shimmed(hsm);
    const token = { ...ANY_TOKEN, slot: BigInt(hsm.slot) };
    await withSession(optionsFor(hsm, shim, { token }), async (session) => {
      const [mac] = session.findKeys({ class: 'secret', label: 'm', id: made.macId });
      expect(session.verify(present(mac), hmac, iv, made.tag)).toBe(true);
      const [wrapping] = session.findKeys({ class: 'secret', label: 'w', id: made.id });
      expect(session.decrypt(present(wrapping), cbc, made.sealed)).toEqual(iv);
    });
    expect(shim.calls().join(' ')).toBe(
      [
        'C_Initialize C_GetTokenInfo C_OpenSession C_Login',
        'C_FindObjectsInit C_FindObjects C_FindObjectsFinal C_VerifyInit C_Verify',
        'C_FindObjectsInit C_FindObjects C_FindObjectsFinal C_DecryptInit C_Decrypt',
        'C_Finalize',
      ].join(' '),
    );
  });
});
