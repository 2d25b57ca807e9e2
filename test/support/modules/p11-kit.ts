import { spawn, spawnSync } from 'node:child_process';
import { createSoftHsm } from '../softhsm.ts';
import { softHsm } from './softhsm.ts';
import { findFile, type TestModule } from './token.ts';

const client = findFile(['pkcs11/p11-kit-client.so']);

/** SoftHSM2 in another process: p11-kit's client module speaks to `p11-kit server` over a socket, as to a network HSM. */
export const p11Kit: TestModule = {
  name: 'SoftHSM2 behind p11-kit remoting',
  missing:
    client === null || spawnSync('p11-kit', ['--version']).error !== undefined
      ? 'p11-kit and p11-kit-client.so are not installed (packages p11-kit and p11-kit-modules)'
      : softHsm.missing,
  always: ['rsa-oaep', 'rsa-pkcs', 'random', 'rotation'], // 0.24 does not carry AES
  async create(dir) {
    const hsm = createSoftHsm({ dir, label: 'conformance' });
    const args = [
      'server',
      '--foreground',
      '--name',
      `${dir}/socket`,
      '--provider',
      hsm.lib,
      `pkcs11:token=${hsm.label}`,
    ];
    const server = spawn('p11-kit', args, {
      env: { ...process.env, ...hsm.env, XDG_RUNTIME_DIR: dir },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.once('exit', (status) => reject(new Error(`p11-kit server ended with ${status}`)));
      server.stdout.once('data', () => resolve());
    });
    return {
      lib: client ?? '',
      pin: hsm.pin,
      env: { P11_KIT_SERVER_ADDRESS: `unix:path=${dir}/socket` },
      enter: [],
      seal: [`token_label = "${hsm.label}"`],
      remove: () => void server.kill(),
    };
  },
};
