import { spawnSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { VECTORS } from '../support/vectors.ts';

const NEWEST_SYNTAX = 'import sys; sys.exit(sys.version_info < (3, 10))';
const hasPython = spawnSync('python3', ['-c', NEWEST_SYNTAX]).status === 0;

describe('fixtures/formats', () => {
  it.skipIf(!hasPython)('holds what make.py writes, which agrees with the standards', () => {
    const { status, stderr } = spawnSync('python3', [`${VECTORS}make.py`, '--check'], { encoding: 'utf8' });
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  });
});
