import { cpSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Golden, GoldenSecret } from '../support/golden.ts';
import { makeStand } from '../support/store.ts';

const VALUES = {
  plain: { user: 'ada', password: 'correct horse battery staple' },
  first: { step: 'one' },
  second: { step: 'two', 'key with spaces/and.dots': 'ключ 鍵 😀' },
  odd: {
    __proto_: 'almost',
    '': 'an empty key',
    nul: 'a\0b',
    lone: '\ud800',
    nested: { list: [1, null, true, { a: [] }] },
  },
} as const;

/**
 * Makes a store and its token in `folder`, to be committed: every later coffer must open it. Never made again for a
 * version that was released. `COFFER_MAKE_GOLDEN=v2 npx vitest run -c test/vitest.config.ts test/scenarios/golden`
 */
export function makeGolden(folder: string): void {
  const stand = makeStand({ label: 'golden', pin: 'golden-1234' });
  try {
    const init = JSON.parse(stand.ok('init', '-recovery-shares=3', '-recovery-threshold=2', '-format=json')) as {
      recovery_keys_b64: string[];
    };
    stand.ok('unseal');
    stand.ok('secrets', 'enable', '-path=one', '-description=version 1', 'kv');
    stand.ok('secrets', 'enable', '-path=two', '-version=2', '-external-entropy-access', 'kv');
    stand.ok('secrets', 'enable', '-path=team/wrapped-one', '-seal-wrap', 'kv');
    stand.ok('secrets', 'enable', '-path=team/wrapped-two', '-seal-wrap', '-version=2', 'kv');
    const secrets: GoldenSecret[] = [];
    for (const [mount, versions] of [
      ['one', 1],
      ['two', 2],
      ['team/wrapped-one', 1],
      ['team/wrapped-two', 2],
    ] as const) {
      const put = (path: string, data: object, version: number): void => {
        const written = stand.run(['kv', 'put', `${mount}/${path}`, '-'], { input: JSON.stringify(data) });
        if (written.status !== 0) throw new Error(written.stderr);
        const numbered = versions === 2;
        secrets.push({
          get: [...(numbered ? [`-version=${version}`] : []), `${mount}/${path}`],
          data,
          version: numbered ? version : null,
        });
      };
      put('app', VALUES.plain, 1);
      put('deep/er/odd name', VALUES.odd, 1);
      if (versions === 2) put('steps', VALUES.first, 1);
      put('steps', VALUES.second, 2);
    }
    const version = stand.ok('version', '-field=version');
    const mounts: unknown = JSON.parse(stand.ok('secrets', 'list', '-format=json'));
    const golden: Golden = {
      version,
      label: 'golden',
      pin: 'golden-1234',
      recoveryShares: init.recovery_keys_b64,
      mounts,
      secrets,
    };
    rmSync(folder, { recursive: true, force: true });
    mkdirSync(folder, { recursive: true });
    cpSync(stand.path, join(folder, 'coffer.db'));
    cpSync(join(dirname(stand.hsm.conf), 'tokens'), join(folder, 'tokens'), { recursive: true });
    writeFileSync(join(folder, 'golden.json'), `${JSON.stringify(golden, null, 2)}\n`);
  } finally {
    stand.remove();
  }
}
