import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const ROOT = fileURLToPath(new URL('../../../', import.meta.url));

/** A token of one test, on one PKCS#11 module. */
export interface TestToken {
  /** Absolute path of the module. */
  readonly lib: string;
  readonly pin: string;
  /** One that the token refuses and knows the form of; 00000000 where there is none. */
  readonly wrongPin?: string;
  /** Lines of the seal stanza that choose the token, and what else the module needs there. */
  readonly seal: readonly string[];
  /** What C_Initialize needs as library parameters. */
  readonly parameters?: string;
  readonly env: Readonly<Record<string, string>>;
  /** What stands before a command that uses the token: a program with its arguments, none for most. */
  readonly enter: readonly string[];
  /** Ends what was started for it and removes its files; those in the test's folder may stay. */
  remove(): void;
}

/** A PKCS#11 module that the conformance suite runs against. */
export interface TestModule {
  readonly name: string;
  /** Why the suite cannot run on this machine, or null. */
  readonly missing: string | null;
  /** What every release of the module can do. Tests of these are never skipped; whether it can do the rest is tried. */
  readonly always: readonly Step[];
  /** What is left out for a reason that trying does not find. */
  readonly cannot?: { readonly [step in Step]?: string };
  /** @param dir an existing folder of the test's own, mode 0700 */
  create(dir: string): Promise<TestToken>;
}

export const MECHANISM_STEPS = ['aes-cbc-pad', 'aes-cbc', 'aes-gcm', 'rsa-oaep', 'rsa-pkcs'] as const;
export type MechanismStep = (typeof MECHANISM_STEPS)[number];
export type Step = MechanismStep | 'random' | 'rotation';

/** The first of these files that exists. */
export function findFile(names: readonly string[]): string | null {
  const folders = [
    `/usr/lib/${process.arch === 'arm64' ? 'aarch64' : 'x86_64'}-linux-gnu`,
    '/usr/lib64',
    '/usr/lib',
    '/usr/local/lib',
  ];
  return folders.flatMap((folder) => names.map((name) => join(folder, name))).find((path) => existsSync(path)) ?? null;
}

/** Runs a script with pkcs11js as `pkcs11js`, a PKCS11 object as `p11` and `input`, in a process of its own. */
export function inChild(
  script: string,
  input: object,
  options: Partial<Pick<TestToken, 'env' | 'enter'>> = {},
): unknown {
  const [program, ...args] = [...(options.enter ?? []), process.execPath, '-e', PRELUDE + script];
  const output = execFileSync(program, args, {
    cwd: ROOT,
    env: { ...process.env, ...options.env },
    input: JSON.stringify(input),
    encoding: 'utf8',
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  return output === '' ? undefined : JSON.parse(output);
}

const PRELUDE = `
  const pkcs11js = require(${JSON.stringify(join(ROOT, 'node_modules/pkcs11js'))});
  const input = JSON.parse(require('node:fs').readFileSync(0, 'utf8'));
  const give = (value) => process.stdout.write(JSON.stringify(value));
  const p11 = new pkcs11js.PKCS11();
  p11.load(input.lib);
  const open = (slot, user, pin) => {
    const session = p11.C_OpenSession(slot, pkcs11js.CKF_SERIAL_SESSION | pkcs11js.CKF_RW_SESSION);
    p11.C_Login(session, user, pin);
    return session;
  };
`;
