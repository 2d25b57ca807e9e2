import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { existsSync, mkdirSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { findFile, inChild, type TestModule, type TestToken } from './token.ts';

const lib = findFile(['libtpm2_pkcs11.so.1', 'pkcs11/libtpm2_pkcs11.so']);
const PROGRAMS = ['swtpm', 'tpm2-abrmd', 'tpm2_ptool', 'dbus-daemon', 'dbus-send'];
const LABEL = 'conformance';
const PIN = 'conformance-1234';
const AES = 'the wrapping key is an AES key';
const RSA = 'the wrapping key is an RSA key';

function missing(): string | null {
  if (lib === null) return 'libtpm2_pkcs11.so is not installed (package libtpm2-pkcs11-1)';
  const absent = PROGRAMS.filter((name) => spawnSync(name, ['--version']).error !== undefined);
  return absent.length === 0 ? null : `${absent.join(', ')} not installed`;
}

/** A TPM 2.0 in software, with an AES key for wrapping that TPM tools made: the module makes none itself. */
export const tpm2: TestModule = {
  name: 'tpm2-pkcs11 on swtpm',
  missing: missing(),
  always: ['aes-cbc', 'random'],
  cannot: { 'rsa-oaep': AES, 'rsa-pkcs': AES },
  create: (dir) => create(dir, ['wrapping aes256', 'hmac hmac:sha256'], []),
};

/** The same with an RSA key, which coffer makes. */
export const tpm2Rsa: TestModule = {
  name: 'tpm2-pkcs11 on swtpm, RSA',
  missing: missing(),
  always: ['rsa-oaep', 'random'],
  cannot: { 'aes-cbc-pad': RSA, 'aes-cbc': RSA, 'aes-gcm': RSA, 'rsa-pkcs': 'rsa_oaep_hash asks for OAEP' },
  create: (dir) => create(dir, ['hmac hmac:sha256'], ['rsa_oaep_hash = "sha256"']),
};

/** @param keys label and algorithm of what tpm2_ptool makes */
async function create(dir: string, keys: readonly string[], seal: readonly string[]): Promise<TestToken> {
  const children: ChildProcess[] = [];
  const start = (program: string, ...args: string[]): ChildProcess => {
    const child = spawn(program, args, { env: { ...process.env, ...env }, stdio: ['ignore', 'ignore', 'ignore'] });
    children.push(child);
    return child;
  };
  const bus = `unix:path=${join(dir, 'bus')}`;
  const env = {
    DBUS_SESSION_BUS_ADDRESS: bus,
    TPM2_PKCS11_STORE: folder(dir, 'store'),
    TPM2_PKCS11_TCTI: 'tabrmd:bus_type=session',
    TPM2TOOLS_TCTI: 'tabrmd:bus_type=session',
    TSS2_LOG: 'all+NONE',
    TPM2_PKCS11_LOG_LEVEL: '0',
  };
  const remove = (): void => children.reverse().forEach((child) => child.kill());
  try {
    start('dbus-daemon', '--session', '--nofork', `--address=${bus}`);
    const port = await freePorts();
    start(
      'swtpm',
      'socket',
      '--tpm2',
      '--tpmstate',
      `dir=${folder(dir, 'tpm')}`,
      '--server',
      `type=tcp,port=${port}`,
      '--ctrl',
      `type=tcp,port=${port + 1}`,
      '--flags',
      'not-need-init,startup-clear',
      '--pid',
      `file=${join(dir, 'swtpm.pid')}`,
    );
    await until('swtpm', () => existsSync(join(dir, 'swtpm.pid')));
    start('tpm2-abrmd', '--session', '--allow-root', `--tcti=swtpm:host=127.0.0.1,port=${port}`);
    const owner = [
      '--session',
      '--print-reply',
      '--dest=org.freedesktop.DBus',
      '/',
      'org.freedesktop.DBus.NameHasOwner',
      'string:com.intel.tss2.Tabrmd',
    ];
    await until('tpm2-abrmd', () =>
      spawnSync('dbus-send', owner, { env: { ...process.env, ...env }, encoding: 'utf8' }).stdout.includes('true'),
    );
    inChild(INIT, { lib, label: LABEL.padEnd(32), pin: PIN }, { env });
    for (const key of keys) {
      const [label = '', algorithm = ''] = key.split(' ');
      const args = [
        'addkey',
        `--algorithm=${algorithm}`,
        `--label=${LABEL}`,
        `--userpin=${PIN}`,
        `--key-label=${label}`,
      ];
      execFileSync('tpm2_ptool', args, { env: { ...process.env, ...env }, stdio: 'pipe' });
    }
  } catch (error) {
    remove();
    throw error;
  }
  return { lib: lib ?? '', pin: PIN, env, enter: [], seal: [`token_label = "${LABEL}"`, ...seal], remove };
}

const INIT = `
  p11.C_Initialize({ flags: pkcs11js.CKF_OS_LOCKING_OK });
  const [slot] = p11.C_GetSlotList(true);
  p11.C_InitToken(slot, input.pin, input.label);
  p11.C_InitPIN(open(slot, pkcs11js.CKU_SO, input.pin), input.pin);
  p11.C_Finalize();
`;

function folder(dir: string, name: string): string {
  mkdirSync(join(dir, name));
  return join(dir, name);
}

/** The first of two neighbouring TCP ports that are free, below those that the system gives to anybody. */
async function freePorts(): Promise<number> {
  for (;;) {
    const port = randomInt(10_000, 30_000);
    if ((await isFree(port)) && (await isFree(port + 1))) return port;
  }
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer().once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}

async function until(what: string, isReady: () => boolean): Promise<void> {
  for (let tries = 0; tries < 100; tries++) {
    if (isReady()) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`${what} does not start`);
}
