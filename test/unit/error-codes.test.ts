import { readFileSync, readdirSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { errorCodes, isErrorCode } from '../../src/error-codes.ts';
import { hasCode, HsmError, StoreError, UsageError } from '../../src/errors.ts';

const src = new URL('../../src/', import.meta.url);
const statuses = [1, 2, 3, 4, 5] as const;
const classes = new Map(
  Object.entries({
    UsageError: 1,
    ConfigError: 1,
    StoreError: 2,
    HsmError: 3,
    CryptokiError: 3,
    IntegrityError: 4,
    OutcomeError: 5,
  } as const),
);

const sources = readdirSync(src, { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.ts') && file !== 'error-codes.ts')
  .map((file) => ({ file, text: readFileSync(new URL(file, src), 'utf8') }));

/** The codes that coffer(1) lists under an exit status, in its order. */
function inManual(status: number): string[] {
  const manual = readFileSync(new URL('../man/coffer.1', src), 'utf8');
  const [, list = ''] =
    new RegExp(
      String.raw`^\.Ss Error codes with exit status ${status}\n\.Bl .*\n((?:\.It Er \S+\n[A-Za-z].*\n)*)\.El$`,
      'm',
    ).exec(manual) ?? [];
  return [...list.matchAll(/^\.It Er (\S+)$/gm)].map(([, code = '']) => code);
}

describe('the list of error codes', () => {
  it.each(statuses)('is that of coffer(1), exit status %i', (status) => {
    expect(inManual(status)).toEqual([...errorCodes[status], ...(status === 3 ? ['ckr_*'] : [])].sort());
  });

  it.each(statuses)(
    'is sorted, names no code twice and leaves the CKR_ values to their prefix, exit status %i',
    (status) => {
      expect(errorCodes[status]).toEqual([...new Set(errorCodes[status])].sort());
      expect(errorCodes[status].filter((code) => !/^(?!ckr_)[a-z][a-z0-9_]*$/.test(code))).toEqual([]);
    },
  );

  it.each(statuses)('has no code that nothing in src ends with, exit status %i', (status) => {
    expect(errorCodes[status].filter((code) => !sources.some(({ text }) => text.includes(`'${code}'`)))).toEqual([]);
  });

  it('has every code that a doc comment names, under the exit status of its class', () => {
    const named = sources.flatMap(({ file, text }) =>
      [
        ...text
          .replaceAll(/\n *\* /g, ' ')
          .matchAll(/\b(\w+Error) (`[a-z0-9_]+`(?:(?:, or|,| or| and) `[a-z0-9_]+`)*)/g),
      ].flatMap(([, name = '', codes = '']) =>
        [...codes.matchAll(/`(\w+)`/g)].map(([, code]) => ({ file, name, code })),
      ),
    );
    expect(named.length).toBeGreaterThan(100);
    const isListed = (status: (typeof statuses)[number] | undefined, code: unknown): boolean =>
      status !== undefined && isErrorCode(status, code);
    expect(named.filter(({ name, code }) => !isListed(classes.get(name), code))).toEqual([]);
  });

  it('is closed: a code that it does not have, or has under another exit status only, does not compile', () => {
    // @ts-expect-error -- listed nowhere
    expect(new UsageError('no_such_code', 'message').exitStatus).toBe(1);
    // @ts-expect-error -- listed under 2
    expect(new HsmError('sealed', 'message').exitStatus).toBe(3);
    // @ts-expect-error -- only the HSM has these
    expect(new StoreError('ckr_device_error', 'message').exitStatus).toBe(2);
    // @ts-expect-error -- nothing ends with it
    expect(hasCode(new StoreError('sealed', 'message'), StoreError, 'seald')).toBe(false);
  });
});

describe('isErrorCode', () => {
  it('tells the codes of an exit status', () => {
    expect(isErrorCode(2, 'sealed')).toBe(true);
    expect(isErrorCode(3, 'sealed')).toBe(false);
    expect(isErrorCode(3, 'ckr_device_error')).toBe(true);
    expect(isErrorCode(1, 'ckr_device_error')).toBe(false);
    expect(isErrorCode(1, 'constructor')).toBe(false);
    expect(isErrorCode(1, null)).toBe(false);
  });
});
