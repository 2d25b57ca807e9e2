import { createSoftHsm, findSoftHsm } from '../softhsm.ts';
import type { TestModule } from './token.ts';

export const softHsm: TestModule = {
  name: 'SoftHSM2',
  missing: reason(),
  cannot: {},
  async create(dir) {
    const { lib, pin, label, env } = createSoftHsm({ dir, label: 'conformance' });
    return { lib, pin, env, enter: [], seal: [`token_label = "${label}"`], remove: () => undefined };
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
