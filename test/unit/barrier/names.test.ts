import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Names } from '../../../src/barrier/index.ts';
import { row } from '../../../src/engines/kv1.ts';
import { metadataRow, versionRow } from '../../../src/engines/kv2/metadata.ts';
import { IntegrityError } from '../../../src/errors.ts';
import { bytes, readVectors, the, thrown, withOneBitChanged } from '../../support/vectors.ts';

interface Vectors {
  readonly path_key: string;
  readonly cases: readonly { name: string; root: string; segments: string[]; path: string }[];
}

const { path_key: pathKey, cases } = readVectors('names') as Vectors;
const names = new Names(bytes(pathKey));

describe('encrypted names', () => {
  it.each(cases)('$name', ({ root, segments, path }) => {
    expect(names.encrypt(root, segments)).toBe(path);
    const stored = path.slice(root.length + 1).split('/');
    const decrypted = stored.map((segment, at) => names.decrypt([root, ...stored.slice(0, at)].join('/'), segment));
    expect(decrypted).toEqual(segments);
  });

  it('have the paths of the kv engines', () => {
    const mount = the(the(cases[0]).segments[0]);
    const stored = (path: string[]): string => names.encrypt('data', [mount, ...path]);
    const vector = (...segments: string[]): string | undefined =>
      cases.find((one) => one.segments.slice(1).join('\n') === segments.join('\n'))?.path;
    expect(stored(row('app/database'))).toBe(vector('secrets', 'app', 'database'));
    expect(stored(metadataRow('app/database'))).toBe(vector('metadata', 'app', 'database'));
    expect(stored(versionRow('app/database', 3))).toBe(vector('versions', 'app/database', '3'));
  });

  it('are 16 bytes longer than the name, in base64url without padding', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (name) => {
        const [, segment] = names.encrypt('data', [name]).split('/');
        expect(segment).toMatch(/^[A-Za-z0-9_-]+$/);
        expect(Buffer.from(the(segment), 'base64url')).toHaveLength(16 + Buffer.byteLength(name));
      }),
    );
  });

  it('round-trip', () => {
    fc.assert(
      fc.property(fc.string(), fc.string({ unit: 'grapheme' }), (parent, name) => {
        const path = names.encrypt(parent, [name]);
        expect(names.decrypt(parent, path.slice(parent.length + 1))).toBe(name);
      }),
    );
  });

  it('are refused below another parent, and with any bit changed', () => {
    const segment = names.encrypt('data', ['database']).slice('data/'.length);
    expect(thrown(() => names.decrypt('data2', segment))).toBeInstanceOf(IntegrityError);
    for (const changed of withOneBitChanged(new Uint8Array(Buffer.from(segment, 'base64url')))) {
      expect(thrown(() => names.decrypt('data', Buffer.from(changed).toString('base64url')))).toBeInstanceOf(
        IntegrityError,
      );
    }
  });

  it('throw nothing but IntegrityError on any text', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.uint8Array().map((some) => Buffer.from(some).toString('base64url')),
        ),
        (segment) => {
          expect(thrown(() => names.decrypt('data', segment))).toBeInstanceOf(IntegrityError);
        },
      ),
    );
  });
});
