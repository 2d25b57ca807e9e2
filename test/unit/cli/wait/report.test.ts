import { describe, expect, it } from 'vitest';
import { errorOf, parseReport } from '../../../../src/cli/wait/report.ts';
import { HsmError, IntegrityError } from '../../../../src/errors.ts';

const failed = {
  kind: 'failed',
  code: 'token_not_found',
  message: 'no token',
  hint: null,
  exitStatus: 3,
  mayPass: true,
} as const;
const line = (changes: object = {}): string => JSON.stringify({ ...failed, ...changes });

describe('parseReport', () => {
  it('reads the error that a try ended with', () => {
    expect(parseReport(line())).toEqual(failed);
    expect(parseReport(line({ code: 'ckr_0x80000123' }))).toEqual({ ...failed, code: 'ckr_0x80000123' });
  });

  it('takes no line whose code does not belong to its exit status', () => {
    expect(parseReport(line({ code: 'no_such_code' }))).toBeNull();
    expect(parseReport(line({ code: 'sealed' }))).toBeNull();
    expect(parseReport(line({ exitStatus: 2 }))).toBeNull();
    expect(parseReport(line({ exitStatus: 6 }))).toBeNull();
    expect(parseReport(line({ code: 7 }))).toBeNull();
  });

  it('takes no line that is not whole', () => {
    expect(parseReport(line().slice(0, -1))).toBeNull();
    expect(parseReport(line({ message: undefined }))).toBeNull();
  });
});

describe('errorOf', () => {
  it('is of the class of the exit status', () => {
    const error = errorOf({ ...failed, hint: 'look' });
    expect(error).toBeInstanceOf(HsmError);
    expect(error).toMatchObject({ code: 'token_not_found', exitStatus: 3, message: 'no token', hint: 'look' });
    expect(errorOf({ ...failed, exitStatus: 4, code: 'record_altered' })).toBeInstanceOf(IntegrityError);
  });
});
