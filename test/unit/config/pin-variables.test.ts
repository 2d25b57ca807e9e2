import { describe, expect, it } from 'vitest';
import { holdsPin } from '../../../src/config/index.ts';

describe('the variables that hold a PIN', () => {
  it('are those of every name that is read, with the name of a seal behind it, too, and no others', () => {
    const pins = ['COFFER_HSM_PIN', 'BAO_HSM_PIN', 'VAULT_HSM_PIN', 'COFFER_HSM_SO_PIN', 'COFFER_HSM_PIN_two'];
    const others = ['COFFER_HSM_PINS', 'COFFER_HSM_LIB', 'MY_COFFER_HSM_PIN', 'PIN', 'PATH'];
    expect([...pins, ...others].filter((name) => holdsPin(name, 'x', []))).toEqual(pins);
  });

  it('are a PKCS#11 URI with a PIN in it, and not one without', () => {
    expect(holdsPin('COFFER_HSM_URI', 'pkcs11:token=a?pin-value=1234', [])).toBe(true);
    expect(holdsPin('VAULT_HSM_URI', 'pkcs11:token=a?pin-source=/pin', [])).toBe(false);
    expect(holdsPin('OTHER_URI', 'pkcs11:token=a?pin-value=1234', [])).toBe(false);
  });

  it('are those that the configuration names', () => {
    expect(holdsPin('MY_PIN', '1', ['OTHER', 'MY_PIN'])).toBe(true);
    expect(holdsPin('MY_PIN', '1', ['MY_PIN_OLD'])).toBe(false);
  });
});
