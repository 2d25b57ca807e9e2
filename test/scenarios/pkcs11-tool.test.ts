import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, it } from 'vitest';
import { atTerminal, KEYS } from '../support/pty.ts';
import { configuration, makeStand, type Stand } from '../support/store.ts';

const MANUAL = fileURLToPath(new URL('../../man/', import.meta.url));
const TOOL = '/usr/bin/pkcs11-tool';

/** The literal blocks of the manual that call pkcs11-tool, as a reader sees them. */
const examples = readdirSync(MANUAL)
  .filter((name) => /\.\d$/.test(name))
  .flatMap((name) => readFileSync(join(MANUAL, name), 'utf8').match(/^\.Bd -literal[^]*?^\.Ed$/gm) ?? [])
  .filter((block) => block.includes('pkcs11-tool'))
  .map((block) =>
    block
      .split('\n')
      .slice(1, -1)
      .join('\n')
      .replace(/\\e/g, '\\')
      .replace(/\\\(dq/g, '"')
      .replace(/\\-/g, '-')
      .replace(/\\&/g, ''),
  );

let stand: Stand;
afterEach(() => stand.remove());

/** Runs a block with somebody who types the PIN as often as it is asked for. */
async function typed(block: string): Promise<void> {
  // One that was unpacked has the manual's path at the end of its own.
  const here = block.replaceAll(/(?<= )\/usr\/lib\/softhsm\/libsofthsm2\.so/g, stand.hsm.lib);
  const script = stand.write('example.sh', `set -e\n${here}\n`);
  const commands = block.match(/^ *pkcs11-tool /gm)?.length ?? 0;
  const typist = atTerminal(stand, `tty > name-of-tty; sh ${script}`);
  for (let asked = 1; asked <= commands; asked++) {
    await typist.shows(new RegExp(`(?:enter User PIN[^]*){${asked}}`));
    await echoesNothing(readFileSync(join(stand.dir, 'name-of-tty'), 'utf8').trim());
    typist.type(`${stand.hsm.pin}${KEYS.enter}`);
  }
  expect(await typist.ends, typist.screen()).toBe(0);
}

/** pkcs11-tool throws away what was typed before it turned the echo off, which it does after its question. */
async function echoesNothing(tty: string): Promise<void> {
  while (!execFileSync('stty', ['-F', tty, '-a'], { encoding: 'utf8' }).includes(' -echo '))
    await new Promise((resolve) => setTimeout(resolve, 10));
}

/** What a program without the PIN sees on the token. */
function seenWithoutPin(): string {
  return execFileSync(TOOL, ['--module', stand.hsm.lib, '--token-label', 'demo', '--list-objects'], {
    env: { ...process.env, ...stand.hsm.env },
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  });
}

function configure(change: (text: string) => string = (text) => text): void {
  stand.write('coffer.hcl', change(configuration(stand).replace('generate_key   = "true"', 'generate_key = "false"')));
}

function warnings(...args: string[]): string {
  const { status, stderr } = stand.run(args);
  expect(status, stderr).toBe(0);
  return stderr;
}

const INIT = ['init', '-recovery-shares=0', '-recovery-threshold=0'];
const reason = existsSync(TOOL) ? '' : ' (skipped: no pkcs11-tool, of the package opensc)';

describe.skipIf(reason !== '')(`pkcs11-tool${reason}`, () => {
  it('stands in two examples of the manual', () => {
    stand = makeStand();
    expect(examples).toHaveLength(2);
    for (const example of examples) expect(example.match(/pkcs11-tool/g)).toHaveLength(2);
  });

  for (const [at, example] of examples.entries()) {
    const isExportable = example.includes('--extractable');
    it(`makes keys as in example ${at + 1} of the manual${isExportable ? ', exportable' : ''}, which nobody uses without the PIN`, async () => {
      stand = makeStand();
      configure();
      await typed(example);
      expect(seenWithoutPin()).not.toMatch(/Secret Key|hsm_/);
      const expected = isExportable
        ? ['hsm_demo', 'hsm_hmac_demo'].map(
            (label) =>
              `warning: the HSM key "${label}" can leave the HSM (CKA_EXTRACTABLE is true); see: coffer diagnose\n`,
          )
        : [];
      expect(
        warnings(...INIT)
          .split(/(?<=\n)/)
          .sort(),
      ).toEqual(expected.length === 0 ? [''] : expected);
      expect(
        warnings('unseal')
          .split(/(?<=\n)/)
          .sort(),
      ).toEqual(expected.length === 0 ? [''] : expected);
      stand.ok('secrets', 'enable', '-seal-wrap', 'kv');
      stand.ok('kv', 'put', 'kv/a', 'b=c');
      expect(stand.ok('kv', 'get', '-field=b', 'kv/a')).toBe('c');
    });
  }

  for (const [kind, change] of [
    ['AES', (text: string) => text],
    ['RSA', (text: string) => text.replace('key_label ', 'mechanism = "CKM_RSA_PKCS_OAEP"\n  key_label ')],
  ] as const) {
    it(`makes the keys that init asks for, ${kind}, which nobody uses without the PIN`, async () => {
      stand = makeStand();
      configure(change);
      const { status, stderr } = stand.run(INIT);
      expect(status).toBe(3);
      const lines = stderr.split('\n').filter((line) => line.startsWith('  pkcs11-tool '));
      expect(lines).toHaveLength(2);
      await typed(lines.join('\n'));
      expect(seenWithoutPin()).not.toMatch(/Secret Key|Private Key/);
      expect(warnings(...INIT)).toBe('');
      expect(warnings('unseal')).toBe('');
    });
  }

  it('without --private makes a key that is used without the PIN, and coffer says so', async () => {
    stand = makeStand();
    configure();
    await typed((examples[0] ?? '').replaceAll(' --private', ''));
    expect(seenWithoutPin()).toContain('hsm_demo');
    expect(warnings(...INIT)).toMatch(
      /^warning: the HSM key "hsm_demo" can be used without a PIN.*\nwarning: the HSM key "hsm_hmac_demo" can be used without a PIN/,
    );
  });
});
