import { describe, expect, it } from 'vitest';
import { keyCommand } from '../../../src/seal/key-command.ts';

const SOFTHSM = { lib: '/usr/lib/libsofthsm2.so', token: { label: 'a token', model: 'SoftHSM v2' } };
const YUBIHSM = { lib: '/usr/lib/pkcs11/yubihsm_pkcs11.so', token: { label: 'YubiHSM', model: 'YubiHSM' } };
/** Behind another module. */
const PROXIED = { ...YUBIHSM, lib: '/usr/lib/p11-kit-proxy.so' };

describe('the command for a key', () => {
  it('is one of pkcs11-tool', () => {
    expect(keyCommand(SOFTHSM, 'aes', { label: 'my key', id: null })).toBe(
      "  pkcs11-tool --module /usr/lib/libsofthsm2.so --token-label 'a token' --login" +
        " --keygen --key-type AES:32 --usage-decrypt --private --sensitive --label 'my key'",
    );
    expect(keyCommand(SOFTHSM, 'hmac', { label: 'h', id: Uint8Array.of(1, 2) })).toMatch(
      / --keygen --key-type GENERIC:32 --usage-sign --private --sensitive --label h --id 0102$/,
    );
  });

  it.each([YUBIHSM, PROXIED])('is one of yubihsm-shell for a YubiHSM 2: $lib', (place) => {
    expect(keyCommand(place, 'aes', { label: 'w', id: null })).toBe(
      '  yubihsm-shell -a generate-symmetric-key -A aes256 -c encrypt-cbc,decrypt-cbc -d 1 -i 0x00 -l w',
    );
    expect(keyCommand(place, 'hmac', { label: 'h', id: Uint8Array.of(0, 0, 1, 2) })).toBe(
      '  yubihsm-shell -a generate-hmac-key -A hmac-sha256 -c sign-hmac,verify-hmac -d 1 -i 0x0102 -l h',
    );
    expect(keyCommand(place, 'rsa', { label: 'r', id: Uint8Array.of(1) })).toBe(
      '  yubihsm-shell -a generate-asymmetric-key -A rsa3072 -c decrypt-oaep -d 1 -i 0x01 -l r',
    );
  });

  it.each([
    ['id', { label: 'w', id: Uint8Array.of(1, 2, 3) }],
    ['label', { label: 'ä'.repeat(21), id: null }],
  ])('is none where yubihsm-shell makes no such %s', (_, name) => {
    expect(keyCommand(YUBIHSM, 'aes', name)).toMatch(/makes none .*make it with coffer hsm keygen$/);
  });
});
