import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { ROOT, type TestModule, type TestToken } from './token.ts';

const lib = process.env['COFFER_YUBIHSM_MODULE'] ?? '';
const NO_AES = 'firmware 2.2.0 has no AES';
const NO_GCM = 'the YubiHSM 2 has no AES-GCM';

/** What the simulator is started with: test/yubihsm/simulator.py. */
export interface SimulatorOptions {
  readonly firmware?: string;
  /** Ends instead of answering this message. */
  readonly dieAfter?: number;
  /** Does not answer this message, nor any later one. */
  readonly hangAfter?: number;
  /** All that the authentication key may do. */
  readonly capabilities?: string;
}

/** A simulator of the device, and the configuration that brings Yubico's module to it. */
export interface Simulator {
  readonly config: string;
  /** Since it was started last. */
  counts(): Promise<{ readonly sessions: number; readonly messages: number }>;
  /** Starts it anew with the objects that it has; sessions are gone. */
  restart(options?: SimulatorOptions): Promise<void>;
  stop(): void;
}

/** Yubico's own module; the device is a simulator, and no hardware. */
export const yubiHsm: TestModule = {
  name: 'the module of the YubiHSM 2, against a simulator',
  missing: missing(),
  always: ['aes-cbc-pad', 'aes-cbc', 'rsa-oaep', 'rsa-pkcs', 'random', 'rotation'],
  cannot: { 'aes-gcm': NO_GCM },
  create: (dir) => createYubiHsm(dir, {}, []),
};

/** The same with a device that knows RSA alone for wrapping. */
export const yubiHsmWithoutAes: TestModule = {
  name: 'the module of the YubiHSM 2, against a simulator of firmware 2.2.0',
  missing: missing(),
  always: ['rsa-oaep', 'random'],
  cannot: {
    'aes-cbc-pad': NO_AES,
    'aes-cbc': NO_AES,
    'aes-gcm': NO_GCM,
    'rsa-pkcs': 'rsa_oaep_hash asks for OAEP',
    rotation: NO_AES,
  },
  create: (dir) => createYubiHsm(dir, { firmware: '2.2.0' }, ['rsa_oaep_hash = "sha256"']),
};

export async function createYubiHsm(
  dir: string,
  options: SimulatorOptions,
  seal: readonly string[],
): Promise<TestToken & { readonly simulator: Simulator }> {
  const simulator = await startSimulator(dir, options);
  const parameters = `config-file=${simulator.config}`;
  return {
    lib,
    pin: '0001password',
    wrongPin: '0001passwords',
    parameters,
    env: {},
    enter: [],
    seal: ['token_label = "YubiHSM"', `library_parameters = "${parameters}"`, ...seal],
    remove: () => simulator.stop(),
    simulator,
  };
}

/** Keeps its files in `dir`. */
async function startSimulator(dir: string, first: SimulatorOptions): Promise<Simulator> {
  const [config, portFile] = [join(dir, 'module.conf'), join(dir, 'port')];
  let child: ChildProcess | null = null;
  let url = '';
  const simulator: Simulator = {
    config,
    async counts() {
      const text = await (await fetch(`${url}/simulator/sessions`)).text();
      const [sessions = NaN, messages = NaN] = text.split(' ').map(Number);
      return { sessions, messages };
    },
    async restart(options = {}) {
      simulator.stop();
      rmSync(portFile, { force: true });
      const args = [join(ROOT, 'test/yubihsm/simulator.py'), '--state', join(dir, 'device.json')];
      const started = spawn('python3', ['-B', ...args, '--port-file', portFile, ...flags({ ...first, ...options })], {
        stdio: ['ignore', 'ignore', 'inherit'],
      });
      child = started;
      for (let turn = 0; !existsSync(portFile); turn++) {
        if (turn === TURNS || started.exitCode !== null) throw new Error('the simulator does not start');
        await setTimeout(20);
      }
      url = `http://127.0.0.1:${readFileSync(portFile, 'utf8').trim()}`;
      writeFileSync(config, `connector = ${url}\n`);
    },
    stop() {
      child?.kill();
      child = null;
    },
  };
  await simulator.restart();
  return simulator;
}

const TURNS = 3000;

function flags({ firmware, dieAfter, hangAfter, capabilities }: SimulatorOptions): string[] {
  return Object.entries({ firmware, 'die-after': dieAfter, 'hang-after': hangAfter, capabilities }).flatMap(
    ([name, value]) => (value === undefined ? [] : [`--${name}=${value}`]),
  );
}

function missing(): string | null {
  if (lib === '') return "COFFER_YUBIHSM_MODULE does not name Yubico's module: npm run test:yubihsm";
  if (!existsSync(lib)) return `there is no ${lib}, which COFFER_YUBIHSM_MODULE names`;
  const done = spawnSync('python3', ['-c', 'import cryptography']);
  return done.status === 0 ? null : 'python3 has no package cryptography';
}
