import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadConfig } from '../../../../src/config/index.ts';
import { type Context, enableMount, thisMachine, withMounts } from '../../../../src/core/index.ts';
import { withUnsealed } from '../../../../src/core/unsealed/unsealed.ts';
import { TERM_LIMIT, type Usage } from '../../../../src/core/unsealed/usage.ts';
import { PLAIN_LOGIN } from '../../../support/login.ts';
import { makeStand, type Stand } from '../../../support/store.ts';

let stand: Stand;
let context: Context;

beforeAll(async () => {
  stand = makeStand();
  process.env['SOFTHSM2_CONF'] = stand.hsm.conf;
  stand.open();
  context = {
    config: await loadConfig({ paths: [stand.config], env: stand.env }),
    machine: thisMachine,
    ...PLAIN_LOGIN,
    state: null,
    pin: async () => '1234',
  };
  await enableMount(context, {
    type: 'kv',
    path: null,
    options: {},
    description: '',
    sealWrap: false,
    externalEntropy: false,
  });
});
afterAll(() => stand.remove());

/** Reads the count of encryptions and, with `next`, replaces it, as only somebody with the root key can. */
async function usage(next: Usage | null): Promise<{ usage: Usage; terms: number }> {
  return withUnsealed(context, next === null ? 'read' : 'write', async ({ usage: before, saveUsage, keys }) => {
    if (next !== null) await saveUsage(next);
    return { usage: before, terms: keys.keyring.terms.length };
  });
}

async function put(name: string): Promise<void> {
  await withMounts(context, 'write', (mounts) =>
    mounts.request({ operation: 'write', path: `kv/${name}`, data: { name } }),
  );
}

async function get(name: string): Promise<unknown> {
  const response = await withMounts(context, 'read', (mounts) =>
    mounts.request({ operation: 'read', path: `kv/${name}`, data: {} }),
  );
  return response?.data;
}

describe('the count of encryptions', () => {
  it('grows by one for each value that is written', async () => {
    const before = (await usage(null)).usage;
    await put('counted');
    expect((await usage(null)).usage).toEqual({ term: before.term, encryptions: before.encryptions + 1 });
  });

  it('does not grow by reading', async () => {
    const before = await usage(null);
    await get('counted');
    expect(await usage(null)).toEqual(before);
  });

  it('starts a new term at its limit, far below 2^32, and old values still open', async () => {
    expect(TERM_LIMIT).toBeLessThanOrEqual(2 ** 31);
    await put('old');
    const { terms } = await usage({ term: 1, encryptions: TERM_LIMIT - 1 });
    await put('last of its term');
    expect((await usage(null)).terms).toBe(terms);
    await put('first of the next');
    expect(await usage(null)).toEqual({ usage: { term: 2, encryptions: 2 }, terms: terms + 1 });
    for (const name of ['old', 'last of its term', 'first of the next']) expect(await get(name)).toEqual({ name });
  });
});
