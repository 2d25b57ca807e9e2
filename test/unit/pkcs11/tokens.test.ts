import { beforeAll, describe, expect, it } from 'vitest';
import type { TokenSelector } from '../../../src/config/types.ts';
import { hintText } from '../../../src/cli/remedies.ts';
import { type TokenDescription, withSession } from '../../../src/pkcs11/index.ts';
import { createSoftHsm, type SoftHsm } from '../../support/softhsm.ts';
import { ANY_TOKEN, failure, optionsFor, shimmed, temporaryFolder } from './fixture.ts';

describe('token selection', () => {
  let demo: SoftHsm;
  let twin: SoftHsm;
  let otherTwin: SoftHsm;
  beforeAll(() => {
    const dir = temporaryFolder();
    demo = createSoftHsm({ dir, label: 'demo' });
    twin = createSoftHsm({ dir, label: 'twin' });
    otherTwin = createSoftHsm({ dir, label: 'twin' });
  });

  const choose = (token: Partial<TokenSelector>): Promise<TokenDescription> =>
    withSession(optionsFor(demo, null, { token: { ...ANY_TOKEN, ...token } }), async (session) => session.token);

  it('finds a token by label, whose blanks at the end are not part of it', async () => {
    expect(await choose({ label: 'demo' })).toMatchObject({
      slot: BigInt(demo.slot),
      label: 'demo',
      serial: demo.serial,
    });
  });

  it('finds it by serial and by slot', async () => {
    expect((await choose({ serial: demo.serial })).label).toBe('demo');
    expect((await choose({ slot: BigInt(demo.slot) })).label).toBe('demo');
    expect((await choose({ slot: BigInt(otherTwin.slot) })).serial).toBe(otherTwin.serial);
  });

  it('wants everything that is set to match', async () => {
    expect((await choose({ label: 'twin', serial: twin.serial })).slot).toBe(BigInt(twin.slot));
    expect((await failure(choose({ label: 'demo', serial: twin.serial }))).code).toBe('token_not_found');
    const error = await failure(choose({ slot: BigInt(demo.slot), label: 'twin' }));
    expect(error.message).toBe(`no token has slot ${demo.slot} and label "twin"`);
  });

  it('lists what is there when none matches', async () => {
    const error = await failure(choose({ label: 'dem' }));
    expect(error.code).toBe('token_not_found');
    expect(error.exitStatus).toBe(3);
    expect(error.message).toBe('no token has label "dem"');
    for (const { slot, label, serial } of [demo, twin, otherTwin]) {
      expect(hintText(error.hint ?? '')).toContain(`  slot ${slot}, label "${label}", serial "${serial}"`);
    }
    expect(hintText(error.hint ?? '')).toMatch(/ {2}slot \d+, not initialised/);
  });

  it('lists the candidates when several match', async () => {
    const error = await failure(choose({ label: 'twin' }));
    expect(error.code).toBe('token_ambiguous');
    expect(error.message).toBe('2 tokens have label "twin"');
    expect(hintText(error.hint ?? '')).toContain(`slot ${twin.slot}, label "twin", serial "${twin.serial}"`);
    expect(hintText(error.hint ?? '')).toContain(`slot ${otherTwin.slot}, label "twin", serial "${otherTwin.serial}"`);
    expect(hintText(error.hint ?? '')).not.toContain('demo');
  });

  it('says that there is no such slot, and which there are', async () => {
    const error = await failure(choose({ slot: 7777n }));
    expect(error.code).toBe('token_not_found');
    expect(error.message).toBe('no token has slot 7777');
    expect(hintText(error.hint ?? '')).toContain(`slot ${demo.slot}, label "demo"`);
  });

  it('says that the token is not initialised', async () => {
    const hint = hintText((await failure(choose({ label: 'none' }))).hint ?? '');
    const slot = BigInt(/slot (\d+), not initialised/.exec(hint)?.[1] ?? 0);
    const error = await failure(choose({ slot }));
    expect(error.code).toBe('token_not_initialised');
    expect(error.message).toBe(`the token in slot ${slot} is not initialised`);
  });

  it('says that the slot has no token', async () => {
    const shim = shimmed(demo, 'fail:C_GetTokenInfo:0xe0:1');
    const token = { ...ANY_TOKEN, slot: BigInt(demo.slot) };
    const error = await failure(withSession(optionsFor(demo, shim, { token }), async () => null));
    expect(error.code).toBe('token_not_present');
    expect(error.message).toBe(`there is no token in slot ${demo.slot}: CKR_TOKEN_NOT_PRESENT from C_GetTokenInfo`);
  });

  it('asks the given slot alone, once', async () => {
    const shim = shimmed(demo);
    const token = { ...ANY_TOKEN, slot: BigInt(demo.slot) };
    await withSession(optionsFor(demo, shim, { token }), async () => null);
    expect(shim.calls()).toEqual(['C_Initialize', 'C_GetTokenInfo', 'C_OpenSession', 'C_Login', 'C_Finalize']);
  });

  it('asks again after C_GetSlotList when a module knows no slots before it', async () => {
    const shim = shimmed(demo, 'fail:C_GetTokenInfo:0x3:1');
    const token = { ...ANY_TOKEN, slot: BigInt(demo.slot) };
    expect(await withSession(optionsFor(demo, shim, { token }), async (session) => session.token.label)).toBe('demo');
  });

  it('is not stopped by another slot whose token cannot be read', async () => {
    const shim = shimmed(demo, 'fail:C_GetTokenInfo:0xe1:4');
    expect(await withSession(optionsFor(demo, shim), async (session) => session.token.label)).toBe('demo');
    shim.clear();
    const options = optionsFor(demo, shim, { token: { ...ANY_TOKEN, label: 'none' } });
    expect(hintText((await failure(withSession(options, async () => null))).hint ?? '')).toMatch(
      /slot \d+, CKR_TOKEN_NOT_RECOGNIZED/,
    );
  });

  it('says so when the module shows no token at all', async () => {
    const shim = shimmed(demo, 'no-token');
    const error = await failure(withSession(optionsFor(demo, shim), async () => null));
    expect(error.code).toBe('token_not_found');
    expect(hintText(error.hint ?? '')).toContain('the module shows no token at all');
  });

  it('reports a module without its own configuration', async () => {
    const options = optionsFor(demo);
    process.env['SOFTHSM2_CONF'] = '/nonexistent/softhsm2.conf';
    const error = await failure(withSession(options, async () => null));
    expect(error.message).toMatch(/^C_Initialize failed: CKR_/);
    expect(hintText(error.hint ?? '')).toContain('SOFTHSM2_CONF');
  });
});
