import type { Engine } from '../engine.ts';

/** Cryptography as a service, compatible with Vault's transit: named keys with versions, which callers use but do not see. */
export const transit: Engine = {
  type: 'transit',
  routes: async () => (await import('./routes.ts')).routes,
  folders: ['policy'],
  rowName: ([, ...key]) => `keys/${key.join('/')}`,
  check: async (context) => (await import('./check.ts')).checkTransit(context),
  async *keyObjects(context) {
    yield* (await import('./hsm-key.ts')).keyObjects(context);
  },
};
