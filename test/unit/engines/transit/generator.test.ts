import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const GENERATOR = fileURLToPath(new URL('../../../../fixtures/transit/make-derived.py', import.meta.url));
const hasLibrary = spawnSync('python3', ['-c', 'import cryptography']).status === 0;

describe('fixtures/transit/derived.json', () => {
  it.skipIf(!hasLibrary)('holds what make-derived.py writes', () => {
    const { status, stderr } = spawnSync('python3', [GENERATOR, '--check'], { encoding: 'utf8' });
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  });
});
