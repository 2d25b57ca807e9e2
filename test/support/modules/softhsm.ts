import { join } from 'node:path';
import { createShim } from '../shim.ts';
import { createSoftHsm, findSoftHsm } from '../softhsm.ts';
import { MECHANISM_STEPS, type TestModule } from './token.ts';

export const softHsm: TestModule = {
  name: 'SoftHSM2',
  missing: reason(),
  always: [...MECHANISM_STEPS, 'random', 'rotation'],
  async create(dir) {
    const { lib, pin, label, env } = createSoftHsm({ dir, label: 'conformance' });
    return { lib, pin, env, enter: [], seal: [`token_label = "${label}"`], remove: () => undefined };
  },
};

/** The same with the habits of Yubico's module: what test/shim/shim.c calls yubihsm2. */
export const softHsmAsYubiHsm: TestModule = {
  name: 'SoftHSM2 with the habits of the YubiHSM 2',
  missing: reason(),
  always: ['aes-cbc-pad', 'aes-cbc', 'rsa-oaep', 'rsa-pkcs', 'random', 'rotation'],
  cannot: { 'aes-gcm': 'the YubiHSM 2 has no AES-GCM' },
  async create(dir) {
    const hsm = createSoftHsm({ dir, label: 'YubiHSM', pin: '0001password' });
    const { lib, env } = createShim(hsm, join(dir, 'calls'), 'yubihsm2', `keeps-sessions:16:${join(dir, 'sessions')}`);
    const seal = [`token_label = "${hsm.label}"`];
    return { lib, pin: hsm.pin, wrongPin: '0001passwords', env, enter: [], seal, remove: () => undefined };
  },
};

function reason(): string | null {
  try {
    findSoftHsm();
    return null;
  } catch {
    return 'libsofthsm2.so is not installed';
  }
}
