import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { activeTerm, addHsmKeys, decodeKeyring, encodeKeyring, type Keyring } from '../../../src/barrier/index.ts';
import { hex, MalformedBytes } from '../../../src/bytes.ts';
import { bytes, readVectors, the, thrown, withOtherLength } from '../../support/vectors.ts';

interface Vector {
  readonly name: string;
  readonly version: number;
  readonly terms: readonly { number: number; created: number; key: string }[];
  readonly path_key: string;
  readonly recovery_shares: number;
  readonly recovery_threshold: number;
  readonly verifier: string;
  readonly hsm_keys: readonly { role: 'wrap' | 'hmac'; class: 'secret' | 'private'; label: string; id: string }[];
  /** Empty where the store has no tree. */
  readonly tree_key: string;
  readonly bytes: string;
}

const { cases } = readVectors('keyring') as { cases: Vector[] };

function keyringOf(vector: Vector): Keyring {
  return {
    terms: vector.terms.map(({ number, created, key }) => ({ number, created, key: bytes(key) })),
    pathKey: bytes(vector.path_key),
    recovery: {
      shares: vector.recovery_shares,
      threshold: vector.recovery_threshold,
      verifier: vector.verifier === '' ? null : bytes(vector.verifier),
    },
    hsmKeys: vector.hsm_keys.map((key) => ({ ...key, id: bytes(key.id) })),
    treeKey: vector.tree_key === '' ? null : bytes(vector.tree_key),
  };
}

describe('the keyring', () => {
  it.each(cases)('$name', (vector) => {
    const keyring = keyringOf(vector);
    if (vector.version > 1) expect(hex(encodeKeyring(keyring))).toBe(vector.bytes);
    expect(decodeKeyring(bytes(vector.bytes))).toEqual(keyring);
    expect(activeTerm(decodeKeyring(bytes(vector.bytes))).number).toBe(vector.terms.at(-1)?.number);
  });

  it('copies its keys, so that the bytes it came from can be zeroed', () => {
    const vector = the(cases[0]);
    const stored = bytes(vector.bytes);
    const keyring = decodeKeyring(stored);
    stored.fill(0);
    expect(keyring).toEqual(keyringOf(vector));
  });

  it('refuses no terms, terms out of order, term 0, a verifier of another length and a version that it does not know', () => {
    const keyring = keyringOf(the(cases.find(({ terms }) => terms.length > 1)));
    const first = the(keyring.terms[0]);
    const second = the(keyring.terms[1]);
    const malformed = [
      encodeKeyring({ ...keyring, terms: [] }),
      encodeKeyring({ ...keyring, terms: [second, first] }),
      encodeKeyring({ ...keyring, terms: [first, first] }),
      encodeKeyring({ ...keyring, terms: [{ ...first, number: 0 }] }),
      encodeKeyring({ ...keyring, recovery: { ...keyring.recovery, verifier: new Uint8Array(31) } }),
      encodeKeyring({ ...keyring, treeKey: new Uint8Array(32) }).fill(4, 0, 1),
    ];
    for (const one of malformed) expect(thrown(() => decodeKeyring(one))).toBeInstanceOf(MalformedBytes);
  });

  it('adds an HSM key once, and stays itself where it has them all', () => {
    const keyring = { ...keyringOf(the(cases[0])), hsmKeys: [] };
    const first = { role: 'wrap', class: 'secret', label: 'a', id: Uint8Array.of(1) } as const;
    const added = addHsmKeys(keyring, [
      first,
      { ...first },
      { ...first, id: Uint8Array.of(2) },
      { ...first, role: 'hmac' },
    ]);
    expect(added.hsmKeys.map(({ role, id }) => [role, hex(id)])).toEqual([
      ['wrap', '01'],
      ['wrap', '02'],
      ['hmac', '01'],
    ]);
    expect(addHsmKeys(added, [first])).toBe(added);
  });

  it('cannot be cut short or made longer', () => {
    for (const { bytes: whole } of cases) {
      for (const other of withOtherLength(bytes(whole)))
        expect(thrown(() => decodeKeyring(other))).toBeInstanceOf(MalformedBytes);
    }
  });

  it('throws nothing but MalformedBytes on any bytes', () => {
    fc.assert(
      fc.property(
        fc.constantFrom('', '01', '02', '03', '0300000001', '03ffffffff'),
        fc.uint8Array({ maxLength: 300 }),
        (start, rest) => {
          const error = thrown(() => decodeKeyring(Uint8Array.of(...bytes(start), ...rest)));
          if (error !== null) expect(error).toBeInstanceOf(MalformedBytes);
        },
      ),
    );
  });

  it('round-trips', () => {
    fc.assert(
      fc.property(keyrings, (keyring) => {
        expect(decodeKeyring(encodeKeyring(keyring))).toEqual(keyring);
      }),
    );
  });
});

const key = (length: number): fc.Arbitrary<Uint8Array> => fc.uint8Array({ minLength: length, maxLength: length });
const byte = fc.nat({ max: 255 });
const term = fc.record({ number: fc.integer({ min: 1, max: 0xffff_ffff }), created: fc.maxSafeNat(), key: key(32) });
const kind = fc.constantFrom(
  { role: 'wrap', class: 'secret' } as const,
  { role: 'wrap', class: 'private' } as const,
  { role: 'hmac', class: 'secret' } as const,
);
const hsmKey = fc
  .record({ kind, label: fc.string({ maxLength: 60, unit: 'binary' }), id: fc.uint8Array({ maxLength: 255 }) })
  .map(({ kind: { role, class: keyClass }, label, id }) => ({ role, class: keyClass, label, id }));
const keyrings: fc.Arbitrary<Keyring> = fc.record({
  terms: fc
    .uniqueArray(term, { minLength: 1, maxLength: 8, selector: ({ number }) => number })
    .map((terms) => terms.sort((a, b) => a.number - b.number)),
  pathKey: key(64),
  recovery: fc.record({ shares: byte, threshold: byte, verifier: fc.option(key(32)) }),
  hsmKeys: fc.array(hsmKey, { maxLength: 4 }),
  treeKey: fc.option(key(32)),
});
