import { beforeAll, describe, expect, it, vi } from 'vitest';
import { hintText } from '../../../src/cli/remedies.ts';
import { withSession } from '../../../src/pkcs11/index.ts';
import type { Shim } from '../../support/shim.ts';
import type { SoftHsm } from '../../support/softhsm.ts';
import { failure, freshToken, optionsFor, shimmed } from './fixture.ts';

const logins = (shim: Shim): number => shim.calls().filter((name) => name === 'C_Login').length;

describe('login', () => {
  let hsm: SoftHsm;
  beforeAll(() => {
    hsm = freshToken('demo');
  });

  it('asks for the PIN once, with the token that was found, before the session is opened', async () => {
    const shim = shimmed(hsm);
    const pin = vi.fn(async () => {
      expect(shim.calls()).not.toContain('C_OpenSession');
      return hsm.pin;
    });
    await withSession(optionsFor(hsm, shim, { pin }), async () => null);
    expect(pin).toHaveBeenCalledTimes(1);
    expect(pin).toHaveBeenCalledWith(expect.objectContaining({ label: 'demo', slot: BigInt(hsm.slot) }));
  });

  it('tries a wrong PIN exactly once, and then not again before somebody forces it', async () => {
    const other = freshToken();
    const shim = shimmed(other);
    const error = await failure(
      withSession(optionsFor(other, shim, { pin: async () => 'wrong-pin-93' }), async () => null),
    );
    expect(error.code).toBe('pin_incorrect');
    expect(error.exitStatus).toBe(3);
    expect(error.message).toBe('C_Login failed: CKR_PIN_INCORRECT (0xa0)');
    expect(error.hint).toContain('tried once');
    expect(logins(shim)).toBe(1);
    expect(shim.calls().at(-1)).toBe('C_Finalize');
    expect(JSON.stringify([error.message, error.hint, String(error.stack), String(error.cause)])).not.toContain(
      'wrong-pin-93',
    );

    // SoftHSM sets CKF_USER_PIN_COUNT_LOW after one wrong PIN, until a login succeeds.
    expect((await failure(withSession(optionsFor(other, shim), async () => null))).code).toBe('pin_low');
    expect(logins(shim)).toBe(1);
    await withSession(optionsFor(other, shim, { forceLogin: true }), async () => null);
    await withSession(optionsFor(other, shim), async () => null);
    expect(logins(shim)).toBe(3);
  });

  it.each([
    [null, 'terminal'],
    ['', 'type it where coffer asks'],
  ])('says where a PIN can come from when there is none (%j)', async (pin, otherwise) => {
    const shim = shimmed(hsm);
    const error = await failure(withSession(optionsFor(hsm, shim, { pin: async () => pin }), async () => null));
    expect(error.code).toBe('pin_missing');
    expect(error.message).toBe('no PIN was given for token "demo"');
    for (const source of ['COFFER_HSM_PIN', 'env:NAME', 'file:/path', otherwise]) {
      expect(error.hint).toContain(source);
    }
    expect(logins(shim)).toBe(0);
  });

  it.each([
    ['pin-count-low', 'pin_low'],
    ['pin-final-try', 'pin_low'],
    ['pin-locked', 'pin_locked'],
    ['pin-not-initialised', 'pin_not_initialised'],
  ])('does not try when the token says %s, nor asks for a PIN', async (fault, code) => {
    const shim = shimmed(hsm, fault);
    const pin = vi.fn(async () => hsm.pin);
    const error = await failure(withSession(optionsFor(hsm, shim, { pin }), async () => null));
    expect(error.code).toBe(code);
    expect(pin).not.toHaveBeenCalled();
    expect(logins(shim)).toBe(0);
    expect(shim.calls().at(-1)).toBe('C_Finalize');
    if (code === 'pin_low') {
      expect(hintText(error.hint ?? '')).toContain('coffer hsm test -force');
    }
  });

  it.each(['pin-count-low', 'pin-final-try'])('tries once when told to although the token says %s', async (fault) => {
    const shim = shimmed(hsm, fault);
    await withSession(optionsFor(hsm, shim, { forceLogin: true }), async () => null);
    expect(logins(shim)).toBe(1);
  });

  it('never tries a locked PIN, even when told to', async () => {
    const shim = shimmed(hsm, 'pin-locked');
    const error = await failure(withSession(optionsFor(hsm, shim, { forceLogin: true }), async () => null));
    expect(error.code).toBe('pin_locked');
    expect(logins(shim)).toBe(0);
  });

  it('does not log in to a token that wants no login', async () => {
    const shim = shimmed(hsm, 'login-not-required');
    const pin = vi.fn(async () => hsm.pin);
    await withSession(optionsFor(hsm, shim, { pin }), async (session) => session.random(4));
    expect(pin).not.toHaveBeenCalled();
    expect(logins(shim)).toBe(0);
  });

  it('leaves the PIN to a token that has a PIN pad', async () => {
    const shim = shimmed(hsm, `protected-auth:${hsm.pin}`);
    const pin = vi.fn(async () => 'not asked');
    await withSession(optionsFor(hsm, shim, { pin, readWrite: true }), async (session) =>
      session.generateHmacKey('by pad', null),
    );
    expect(pin).not.toHaveBeenCalled();
    expect(logins(shim)).toBe(1);
  });

  it('is content with CKR_USER_ALREADY_LOGGED_IN', async () => {
    const shim = shimmed(hsm, 'fail:C_Login:0x100');
    expect(await withSession(optionsFor(hsm, shim), async (session) => session.random(8).length)).toBe(8);
  });

  it.each([
    ['0xa4', 'pin_locked', 'security officer'],
    ['0xa3', 'ckr_pin_expired', 'expired'],
    ['0xa2', 'ckr_pin_len_range', 'too short or too long'],
    ['0x102', 'pin_not_initialised', 'no user PIN'],
    ['0x80000abc', 'ckr_0x80000abc', '0x80000abc'],
  ])('explains %s from C_Login', async (rv, code, remedy) => {
    const shim = shimmed(hsm, `fail:C_Login:${rv}`);
    const error = await failure(withSession(optionsFor(hsm, shim), async () => null));
    expect(error.code).toBe(code);
    expect(error.message).toContain('C_Login');
    expect(error.message).toContain(rv);
    expect(error.hint).toContain(remedy);
    expect(logins(shim)).toBe(1);
  });

  it('opens a read-write session only when asked to', async () => {
    const shim = shimmed(hsm, 'fail:C_OpenSession:0xe2');
    expect((await failure(withSession(optionsFor(hsm, shim, { readWrite: true }), async () => null))).message).toBe(
      `C_OpenSession (read-write, slot ${hsm.slot}) failed: CKR_TOKEN_WRITE_PROTECTED (0xe2)`,
    );
    expect((await failure(withSession(optionsFor(hsm, shim), async () => null))).message).toContain('(read-only, slot');
  });
});
