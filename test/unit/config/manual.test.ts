import * as fs from 'node:fs';
import { describe, expect, it } from 'vitest';
import { pkcs11Keys } from '../../../src/config/keys.ts';

const manual = fs.readFileSync(new URL('../../../man/coffer-config.5', import.meta.url), 'utf8');

describe('coffer-config(5)', () => {
  it.each(pkcs11Keys)('describes %s, and the variable that replaces it', (key) => {
    expect(manual).toMatch(new RegExp(String.raw`^\.It Va (?:\w+ , Va )*${key}\b`, 'm'));
    expect(manual).toMatch(new RegExp(String.raw`^\.It Ev COFFER_HSM_\w+ Ta Va ${key}$`, 'm'));
  });
});
