import { chmodSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { runMisbehaving } from '../support/misdeeds.ts';
import { configuration, makeStand, readRows, writeRows, type Outcome, type Stand } from '../support/store.ts';

let stand: Stand;
afterEach(() => stand.remove());

const NOTE = /priority has no effect: there is a single seal$/;
const noted = expect.stringMatching(NOTE) as string;

/** An unsealed store whose configuration has a note for every command. */
function opened(shim = false): void {
  stand = makeStand({ shim, seal: 'priority = "1"' });
  stand.open();
}

function json(...args: string[]): Outcome & { readonly answer: unknown; readonly aside: unknown } {
  const outcome = stand.run([...args, '-format=json']);
  return { ...outcome, answer: documentOf(outcome.stdout), aside: documentOf(outcome.stderr) };
}

/** Throws where a stream holds more than one document, or anything else. */
function documentOf(text: string): unknown {
  return text === '' ? null : (JSON.parse(text) as unknown);
}

describe('with -format=json a note', () => {
  it('stands in the answer, and stderr stays empty', () => {
    stand = makeStand({ seal: 'priority = "1"' });
    const made = json('init', '-recovery-shares=1', '-recovery-threshold=1');
    expect(made).toMatchObject({ status: 0, aside: null });
    expect(made.answer).toMatchObject({
      recovery_keys_shares: 1,
      warnings: expect.arrayContaining([noted, 'created the key "hsm_demo" in the HSM']) as unknown,
    });
    expect(json('unseal')).toMatchObject({ status: 0, aside: null, answer: { sealed: false, warnings: [noted] } });
    expect(json('unseal', '-wait=5s')).toMatchObject({
      status: 0,
      aside: null,
      answer: { sealed: false, warnings: [noted] },
    });
    for (const path of ['secret', 'plain'])
      stand.ok('secrets', 'enable', `-path=${path}`, ...(path === 'secret' ? ['-seal-wrap'] : []), 'kv');
    stand.ok('kv', 'put', 'secret/app', 'v=w');
    stand.ok('secrets', 'enable', 'transit');
    for (const args of [
      ['status'],
      ['kv', 'get', 'secret/app'],
      ['sealwrap', 'status'],
      ['sealwrap', 'rewrap'],
      ['rotate'],
      ['key-status'],
      ['hsm', 'keys'],
      ['hsm', 'slots'],
      ['hsm', 'mechanisms'],
      ['hsm', 'test'],
      ['hsm', 'keygen'],
      ['write', '-f', 'transit/keys/k'],
      ['seal'],
    ]) {
      expect({ args, ...json(...args) }).toMatchObject({
        args,
        status: 0,
        aside: null,
        answer: { warnings: expect.arrayContaining([noted]) as unknown },
      });
    }
  });

  it('stands in `notes` where the answer counts its own warnings', () => {
    opened();
    expect(json('diagnose')).toMatchObject({ status: 0, aside: null, answer: { warnings: 0, notes: [noted] } });
  });

  it('stands with the warnings of an engine, each once', () => {
    opened();
    stand.ok('secrets', 'enable', 'transit');
    stand.ok('write', '-f', 'transit/keys/k');
    expect(json('write', '-f', 'transit/keys/k')).toMatchObject({
      status: 0,
      aside: null,
      answer: { warnings: ['key k already existed', noted] },
    });
  });

  it('is a document of its own on stderr beside a list, a map or a field', () => {
    opened();
    stand.ok('secrets', 'enable', 'kv');
    stand.ok('kv', 'put', 'kv/app', 'v=w');
    const aside = { errors: [], notes: [noted] };
    expect(json('kv', 'list', 'kv')).toMatchObject({ status: 0, answer: ['app'], aside });
    const mounts = json('secrets', 'list');
    expect(mounts).toMatchObject({ status: 0, aside });
    expect(Object.keys(mounts.answer as object)).toEqual(['kv/']);
    expect(stand.run(['kv', 'get', '-format=json', '-field=v', 'kv/app'])).toMatchObject({
      status: 0,
      stdout: '"w"',
      stderr: expect.stringMatching(/^\{"errors":\[\],"notes":\["[^\n]*"\]\}\n$/) as string,
    });
  });

  it('is a document of its own on stderr of a command that has no answer', () => {
    opened();
    stand.ok('secrets', 'enable', 'kv');
    for (const args of [
      ['kv', 'put', 'kv/app', 'v=w'],
      ['write', 'kv/app', 'v=x'],
      ['delete', 'kv/app'],
      ['kv', 'delete', 'kv/app'],
    ])
      expect({ args, ...json(...args) }).toMatchObject({
        args,
        status: 0,
        stdout: '',
        aside: { errors: [], notes: [noted] },
      });
  });

  it('stands in the document of an error', () => {
    opened();
    stand.ok('secrets', 'enable', 'kv');
    expect(json('kv', 'get', 'kv/none')).toMatchObject({
      status: 2,
      answer: null,
      aside: { code: 'no_value', notes: [noted] },
    });
    expect(json('init')).toMatchObject({
      status: 2,
      answer: null,
      aside: { code: 'already_initialized', notes: [noted] },
    });
    stand.ok('seal');
    for (const args of [
      ['kv', 'get', 'kv/none'],
      ['read', 'kv/none'],
      ['sealwrap', 'rewrap'],
      ['sealwrap', 'status'],
      ['rotate'],
    ]) {
      expect({ args, ...json(...args) }).toMatchObject({
        args,
        status: 2,
        answer: null,
        aside: { code: 'sealed', notes: [noted] },
      });
    }
  });

  it('stands in the document of a module that crashes', { timeout: 120_000 }, async () => {
    opened(true);
    stand.ok('secrets', 'enable', 'kv');
    const { status, stderr } = await runMisbehaving(stand, ['kv', 'get', '-format=json', 'kv/app'], {
      place: 'C_Login',
      kind: 'segv',
    });
    expect({ status, aside: documentOf(stderr) }).toMatchObject({
      status: 3,
      aside: { code: 'module_crashed', notes: [noted] },
    });
  });

  it('does not stand in the way of an error of the command that run cannot start', () => {
    opened(true);
    stand.ok('secrets', 'enable', 'kv');
    stand.ok('kv', 'put', 'kv/app', 'v=w');
    const run = ['run', '-format=json', '-env', 'A=kv/app#v', '--'];
    stand.write('broken', '#!/no/such/shell\n');
    chmodSync(join(stand.dir, 'broken'), 0o700);
    const { status, stderr } = stand.run([...run, './broken']);
    expect({ status, asides: stderr.trim().split('\n').map(documentOf) }).toMatchObject({
      status: 127,
      asides: [{ errors: [], notes: [noted] }, { code: 'command_not_found' }],
    });
    const crashed = stand.run([...run, 'true'], { env: { COFFER_SHIM_FAULT: 'misbehave:C_Finalize:segv' } });
    expect({ status: crashed.status, aside: documentOf(crashed.stderr) }).toMatchObject({
      status: 3,
      aside: { code: 'module_crashed', notes: [noted] },
    });
  });

  it('that "created" a key is told although no store comes of it', async () => {
    stand = makeStand();
    const { status, stderr } = await stand.shell('exec coffer init -format=json >/dev/full');
    expect({ status, aside: documentOf(stderr) }).toMatchObject({
      status: 1,
      aside: {
        code: 'output_failed',
        notes: expect.arrayContaining(['created the key "hsm_demo" in the HSM']) as unknown,
      },
    });
  });

  it('is a line as before in a table and in YAML', () => {
    opened();
    for (const format of ['table', 'yaml'])
      expect(stand.run(['status', `-format=${format}`])).toMatchObject({
        status: 0,
        stderr: expect.stringMatching(/^note: [^\n]*has no effect[^\n]*\n$/) as string,
      });
  });
});

describe('with -format=json several errors', () => {
  it('are one document with the code of the worst', () => {
    opened();
    stand.ok('secrets', 'enable', '-seal-wrap', 'kv');
    for (let n = 0; n < 12; n++) stand.ok('kv', 'put', `kv/${n}`, 'v=w');
    for (const { path } of readRows(stand.path))
      if (path.startsWith('data/')) writeRows(stand.path, { [path]: Buffer.from('no record') });
    const { status, answer, aside } = json('sealwrap', 'status');
    expect({ status, answer, aside }).toMatchObject({
      status: 4,
      answer: { altered: 12 },
      aside: { code: expect.any(String) as string },
    });
    expect((aside as { errors: string[] }).errors.filter((text) => text.startsWith('kv/'))).toHaveLength(12);
  });

  it('of hsm test are one document, too', () => {
    opened();
    stand.write(
      'coffer.hcl',
      configuration(stand).replace('"hsm_demo"', '"none"').replace('"hsm_hmac_demo"', '"none either"'),
    );
    expect(json('hsm', 'test')).toMatchObject({ status: 3, aside: { code: 'key_not_found' } });
  });

  it('and the help that nobody asked for is an error', () => {
    stand = makeStand();
    expect(json('kv')).toMatchObject({ status: 1, answer: null, aside: { code: 'no_command' } });
  });
});
