import { describe, expect, it } from 'vitest';
import { pinVariables } from '../../../src/config/index.ts';

describe('the variables that hold a PIN', () => {
  it('are those of every name that is read, with the name of a seal behind it, too, and no others', () => {
    const pins = ['COFFER_HSM_PIN', 'BAO_HSM_PIN', 'VAULT_HSM_PIN', 'COFFER_HSM_SO_PIN', 'COFFER_HSM_PIN_two'];
    const others = ['COFFER_HSM_PINS', 'COFFER_HSM_LIB', 'MY_COFFER_HSM_PIN', 'PIN', 'PATH'];
    const env = Object.fromEntries([...pins, ...others].map((name) => [name, 'x']));
    expect(pinVariables(env, null).sort()).toEqual(pins.sort());
  });

  it('are a PKCS#11 URI with a PIN in it, and not one without', () => {
    const env = { COFFER_HSM_URI: 'pkcs11:token=a?pin-value=1234', VAULT_HSM_URI: 'pkcs11:token=a?pin-source=/pin' };
    expect(pinVariables(env, null)).toEqual(['COFFER_HSM_URI']);
  });

  it('are one that pin in the configuration names', () => {
    expect(pinVariables({ MY_PIN: '1' }, { kind: 'env', name: 'MY_PIN' })).toEqual(['MY_PIN']);
    expect(pinVariables({ MY_PIN: '1' }, { kind: 'file', path: '/MY_PIN' })).toEqual([]);
  });
});
