import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { compileUnresolved } from '../support/shim.ts';
import {
  CRASHES,
  HANGS,
  HARMLESS,
  PATIENCE,
  PTHREAD_EXIT,
  runMisbehaving,
  sideBySide,
  type Misdeed,
} from '../support/misdeeds.ts';
import { copyStore, makeStand, readRows, type Outcome, type Stand } from '../support/store.ts';

let stand: Stand;
beforeAll(() => {
  stand = makeStand({ shim: true });
  stand.open();
  stand.ok('secrets', 'enable', '-path=secret', '-seal-wrap', 'kv');
  stand.ok('kv', 'put', 'secret/app', 'v=whole');
});
afterAll(() => stand.remove());

const GET = ['kv', 'get', '-field=v', 'secret/app'];

/** Where a command is before its result, and what its message calls the place. */
const BEFORE_RESULT: Readonly<Record<string, string>> = {
  constructor: 'dlopen, which loads it',
  C_GetFunctionList: 'C_GetFunctionList',
  C_Initialize: 'C_Initialize',
  C_Login: 'C_Login',
  C_FindObjects: 'C_FindObjects',
  C_Decrypt: 'C_Decrypt',
};

/** Runs `kv get` with each misdeed at each place, and gives what came of it. */
async function tryAll(
  places: readonly string[],
  kinds: readonly string[],
): Promise<{ misdeed: Misdeed; outcome: Outcome }[]> {
  const misdeeds = places.flatMap((place) => kinds.map((kind) => ({ place, kind })));
  return sideBySide(
    misdeeds.map((misdeed) => async () => ({ misdeed, outcome: await runMisbehaving(stand, GET, misdeed) })),
  );
}

function what({ kind }: Misdeed): string {
  const cause = Object.entries(CRASHES).find(([name]) => name === kind)?.[1];
  return cause ?? `did not answer within ${PATIENCE} s`;
}

const FATAL = [...Object.keys(CRASHES), ...HANGS];

describe('a module that misbehaves', { timeout: 600_000 }, () => {
  it('before the result: the function is named, the exit status is 3 and there is no result', async () => {
    for (const { misdeed, outcome } of await tryAll(Object.keys(BEFORE_RESULT), FATAL)) {
      const said = `error: the PKCS#11 module ${stand.lib} ${what(misdeed)} in ${BEFORE_RESULT[misdeed.place]}\nhint: nothing in the store was changed; `;
      expect({ misdeed, ...outcome, stderr: outcome.stderr.slice(0, said.length) }).toEqual({
        misdeed,
        status: 3,
        signal: null,
        stdout: '',
        stderr: said,
      });
      expect(outcome.stderr.match(/\n/g), outcome.stderr).toHaveLength(2);
    }
  });

  it('by ending the thread that called it: the same', async () => {
    for (const { misdeed, outcome } of await tryAll(Object.keys(BEFORE_RESULT), ['pthread_exit'])) {
      expect({ misdeed, ...outcome }).toMatchObject({ misdeed, status: 3, stdout: '' });
      expect(outcome.stderr).toMatch(PTHREAD_EXIT);
      expect(outcome.stderr).toContain(` in ${BEFORE_RESULT[misdeed.place]}\nhint: `);
    }
  });

  it('in a thread of its own, during a call: the same', async () => {
    const kinds = Object.keys(CRASHES).filter((kind) => kind !== 'overflow');
    for (const { misdeed, outcome } of await tryAll(
      ['C_Login', 'C_Decrypt'],
      kinds.map((kind) => `thread-${kind}`),
    )) {
      const plain = { ...misdeed, kind: misdeed.kind.replace('thread-', '') };
      const said = `error: the PKCS#11 module ${stand.lib} ${what(plain)} in ${misdeed.place}\n`;
      expect({ misdeed, ...outcome, stderr: outcome.stderr.slice(0, said.length) }).toEqual({
        misdeed,
        status: 3,
        signal: null,
        stdout: '',
        stderr: said,
      });
    }
  });

  it('in C_Finalize: the result is there whole, the exit status is 0 and a warning names the function', async () => {
    for (const { misdeed, outcome } of await tryAll(['C_Finalize'], FATAL)) {
      const stderr = `warning: the PKCS#11 module ${stand.lib} ${what(misdeed)} in C_Finalize, when the command was over; what it did and said stands\n`;
      expect({ misdeed, ...outcome }).toEqual({ misdeed, status: 0, signal: null, stdout: 'whole', stderr });
    }
  });

  it('in its destructor: nobody is told, for it does not run', async () => {
    for (const { misdeed, outcome } of await tryAll(['destructor'], FATAL)) {
      expect({ misdeed, ...outcome }).toEqual({ misdeed, status: 0, signal: null, stdout: 'whole', stderr: '' });
    }
  });

  it('harmlessly: the result is as it was, and what it prints goes to stderr', async () => {
    const places = [...Object.keys(BEFORE_RESULT), 'C_Finalize', 'destructor'];
    for (const { misdeed, outcome } of await tryAll(places, HARMLESS)) {
      const printed = misdeed.kind === 'print' && misdeed.place !== 'destructor';
      expect({ misdeed, ...outcome, stderr: '' }).toEqual({
        misdeed,
        status: 0,
        signal: null,
        stdout: 'whole',
        stderr: '',
      });
      if (!printed) expect(outcome.stderr).toBe('');
      else for (const noise of ['noise by stdio\n', 'noise by write\n']) expect(outcome.stderr).toContain(noise);
    }
  });

  it('in a thread, after the call: the result is whole, or there is none', async () => {
    for (const { misdeed, outcome } of await tryAll(
      ['C_Initialize', 'C_Login', 'C_Decrypt'],
      ['later-segv', 'later-abort', 'later-exit-0', 'later-_exit'],
    )) {
      expect([0, 3], `${misdeed.kind}: ${outcome.stderr}`).toContain(outcome.status);
      expect(outcome.stdout).toBe(outcome.status === 0 ? 'whole' : '');
      if (outcome.status === 3)
        expect(outcome.stderr).toMatch(
          /^error: the PKCS#11 module .* (in C_\w+|in a thread of its own, after C_\w+)\nhint: /,
        );
    }
  });

  it('in a signal handler, between two calls: the result is whole, or there is none, and somebody is told', async () => {
    const tries = Array.from({ length: 16 }, () => ({ place: 'C_Login', kind: 'timer-exit' }));
    const outcomes = await sideBySide(tries.map((misdeed) => async () => runMisbehaving(stand, GET, misdeed)));
    for (const { status, stdout, stderr } of outcomes) {
      expect([0, 3, 5], stderr).toContain(status);
      if (status !== 5) expect(stdout).toBe(status === 0 ? 'whole' : '');
      if (stdout !== 'whole') expect(stderr).toMatch(/ called exit\(\) (in|after) C_\w+/);
    }
  });

  it('with -format=json: one document on stderr', async () => {
    const [before, after] = await Promise.all(
      ['C_Decrypt', 'C_Finalize'].map((place) =>
        runMisbehaving(stand, ['kv', 'get', '-format=json', 'secret/app'], { place, kind: 'segv' }),
      ),
    );
    const message = `the PKCS#11 module ${stand.lib} crashed (SIGSEGV) in C_Decrypt`;
    expect(before).toMatchObject({ status: 3, stdout: '' });
    expect(JSON.parse(before?.stderr ?? '')).toMatchObject({
      code: 'module_crashed',
      errors: [message, expect.stringContaining('nothing in the store')],
    });
    expect(after?.status).toBe(0);
    expect(JSON.parse(after?.stdout ?? '')).toMatchObject({ data: { v: 'whole' } });
    expect(JSON.parse(after?.stderr ?? '')).toEqual({
      errors: [],
      notes: [expect.stringContaining('crashed (SIGSEGV) in C_Finalize')],
    });
    const failed = await runMisbehaving(stand, ['kv', 'get', '-format=json', 'secret/none'], {
      place: 'C_Finalize',
      kind: 'segv',
    });
    expect({ status: failed.status, error: JSON.parse(failed.stderr) as unknown }).toMatchObject({
      status: 2,
      error: { code: 'no_value' },
    });
  });
});

describe('a module with a function that is nowhere', () => {
  it('is refused when it is loaded, with the name of the function', () => {
    const lib = compileUnresolved();
    expect(stand.run(['hsm', 'slots', `-lib=${lib}`])).toMatchObject({
      status: 3,
      stdout: '',
      stderr: expect.stringMatching(/^error: .* cannot be loaded as a PKCS#11 module: .*of_no_library/) as unknown,
    });
  });
});

describe('a write', () => {
  it('is undone by a fault before its COMMIT, and done after it', async () => {
    const before = readRows(stand.path);
    expect(
      await runMisbehaving(stand, ['kv', 'put', 'secret/app', 'v=lost'], { place: 'C_Sign', kind: 'exit-0' }),
    ).toMatchObject({ status: 3, stdout: '' });
    expect(readRows(stand.path)).toEqual(before);
    expect(
      await runMisbehaving(stand, ['kv', 'put', 'secret/kept', 'v=kept'], { place: 'C_Finalize', kind: 'exit-1' }),
    ).toMatchObject({
      status: 0,
      stdout: 'Success! Data written to: secret/kept\n',
      stderr: expect.stringContaining('called exit() in C_Finalize') as unknown,
    });
    expect(stand.ok('kv', 'get', '-field=v', 'secret/kept')).toBe('kept');
  });
});

describe('a key that is made', () => {
  it('may be in the HSM after a fault, and the message says so', () => {
    const env = { COFFER_SHIM_FAULT: 'misbehave:C_Finalize:exit-0:1' };
    const { status, stdout, stderr } = stand.run(['hsm', 'keygen', '-type=hmac', '-label=half'], { env });
    expect({ status, stdout }).toEqual({ status: 3, stdout: '' });
    expect(stderr).toContain(
      'nothing in the store was changed; a key that it made may be in the HSM: see `coffer hsm keys`',
    );
  });
});

describe('an output that is full', () => {
  it('is an error for a result, which says that the write was done', async () => {
    const outcome = await stand.shell('exec coffer kv put secret/full v=w >/dev/full');
    expect(outcome).toMatchObject({
      status: 1,
      stderr:
        'error: cannot write to stdout: no space left on device\nhint: what the command wrote to the store is there\n',
    });
    expect(stand.ok('kv', 'get', '-field=v', 'secret/full')).toBe('w');
  });

  it('changes nothing of the exit status where it is stderr', async () => {
    expect(await stand.shell('exec coffer kv get secret/none 2>/dev/full')).toMatchObject({ status: 2 });
    expect(await stand.shell('COFFER_HSM_PIN=wrong-4711 exec coffer kv get secret/app 2>/dev/full')).toMatchObject({
      status: 3,
    });
    stand.ok('hsm', 'test', '-force');
  });
});

describe('sessions side by side', () => {
  it('are under guard, each call with its own deadline', { timeout: 120_000 }, async () => {
    for (let n = 0; n < 40; n++) stand.ok('kv', 'put', `secret/many/${n}`, 'v=w');
    stand.ok('hsm', 'keygen', '-label=hsm_new');
    const env = {
      COFFER_HSM_KEY_LABEL: 'hsm_new',
      COFFER_HSM_PREVIOUS_KEY_LABEL: 'hsm_demo',
      COFFER_HSM_MAX_PARALLEL: '4',
    };
    const kinds = ['segv', 'abort', 'exit-0', '_exit', 'hang'];
    // Far enough for sessions to work side by side. What was moved in transactions before stays, so each begins with less to do.
    for (const kind of kinds) {
      const { status, stdout, stderr } = await runMisbehaving(
        stand,
        ['sealwrap', 'rewrap'],
        { place: 'C_Encrypt', kind, call: 19 },
        { env: { ...env, COFFER_STORAGE_PATH: copyStore(stand.path, join(stand.dir, `many-${kind}`)) } },
      );
      expect({ kind, status, stdout }).toEqual({ kind, status: 3, stdout: '' });
      expect(stderr).toMatch(
        new RegExp(
          `^error: the PKCS#11 module \\S+ ${escaped(what({ place: 'C_Encrypt', kind }))} in C_\\w+( or C_\\w+)*\nhint: it stopped after 1\\d of 4\\d, which stay as they are now`,
        ),
      );
    }
  });
});

function escaped(text: string): string {
  return text.replace(/[()]/g, '\\$&');
}

describe('the timeout', () => {
  it('is not for making keys', () => {
    const fresh = makeStand({ faults: ['hang:C_GenerateKey:3500'], seal: '  timeout = "3s"' });
    try {
      expect(fresh.run(['init', '-recovery-shares=0', '-recovery-threshold=0'])).toMatchObject({ status: 0 });
    } finally {
      fresh.remove();
    }
  });

  it('is longer where a PIN is entered on the token', () => {
    const run = (faults: string) =>
      stand.run(GET, {
        env: {
          COFFER_HSM_TIMEOUT: '3s',
          COFFER_SHIM_FAULT: faults,
          ...(faults.includes('auth') ? { COFFER_HSM_PIN: '' } : {}),
        },
      });
    expect(run(`protected-auth:${stand.hsm.pin},hang:C_Login:3500`)).toMatchObject({ status: 0, stdout: 'whole' });
    expect(run('hang:C_OpenSession:3500')).toMatchObject({
      status: 3,
      stderr: expect.stringContaining('did not answer within 3 s in C_OpenSession') as unknown,
    });
  });
});

describe('a signal from outside', () => {
  it('is not the fault of the module', async () => {
    const running = stand.start(GET, { env: { COFFER_SHIM_FAULT: 'hang:C_Decrypt:3000' } });
    stand.shim?.clear();
    while (!stand.shim?.calls().includes('C_Decrypt')) await new Promise((resolve) => setTimeout(resolve, 20));
    running.kill('SIGSEGV');
    expect(await running.outcome).toEqual({ status: null, signal: 'SIGSEGV', stdout: '', stderr: '' });
  });
});
