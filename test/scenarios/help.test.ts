import { afterAll, describe, expect, it } from 'vitest';
import { COMMANDS } from '../../src/cli/commands/index.ts';
import { makeStand } from '../support/store.ts';

describe('the help of a command', () => {
  const stand = makeStand();
  afterAll(() => stand.remove());
  const env = { COFFER_CONFIG: '/nowhere/coffer.hcl' };

  for (const { words, alias, summary, flags, examples } of COMMANDS) {
    const name = words.join(' ');

    it(`coffer ${name} names its flags`, () => {
      const { status, stdout, stderr } = stand.run([...words, '-h'], { env });
      expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
      expect(stdout).toMatch(new RegExp(`^Usage: coffer ${name} \\[options\\]`));
      expect(stdout.replace(/\s+/g, ' ')).toContain(summary);
      for (const flag of Object.keys(flags)) expect(stdout).toContain(`-${flag}`);
      for (const example of examples) expect(stdout).toContain(`  ${example}\n`);
      expect(
        stdout
          .split('\n')
          .filter((line) => line.length > 80 && !line.startsWith('Usage:') && !line.startsWith('  coffer ')),
      ).toEqual([]);
    });

    it(`coffer ${(alias ?? ['help', ...words]).join(' ')} shows the same`, () => {
      const other = alias === null ? ['help', ...words] : [...alias, '--help'];
      expect(stand.run(other, { env })).toEqual(stand.run([...words, '-help'], { env }));
    });

    it(`coffer ${name} does not take what it does not know`, () => {
      const { status, stdout, stderr } = stand.run([...words, '-no-such-flag'], { env });
      expect({ status, stdout }).toEqual({ status: 1, stdout: '' });
      expect(stderr).toContain('unknown flag -no-such-flag');
    });
  }
});
