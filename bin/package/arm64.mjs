// Everything for another processor than this machine's: a compiler of the distribution, and Bun's executable from the registry.

import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';

const CC = 'aarch64-linux-gnu-gcc';
const CXX = 'aarch64-linux-gnu-g++';
/** Of the same version as the package for x86-64, which compiles. */
const PACKAGE = {
  name: '@oven/bun-linux-aarch64',
  version: '1.4.5',
  integrity: 'sha512-4BXmsSKnjOrlGWqZV4x/oWa7AVoR+B6lCXddMzOAXBIm3t50eslg9wb66gmtW1AamEQ1l1CDvmmruysEhqOWMg==',
};

/**
 * @param cache a folder where the package stays for the next time
 * @param version of the Bun that compiles
 * @returns {target, runtime}, or {reason} where it cannot be done on this machine
 */
export function arm64(cache, version) {
  const missing = [CC, CXX].find((compiler) => spawnSync(compiler, ['--version']).status !== 0);
  if (missing !== undefined) return { reason: `${missing} is not installed` };
  if (version !== PACKAGE.version) return { reason: `Bun for arm64 is pinned at ${PACKAGE.version}, not ${version}` };
  const executable = fetched(cache);
  if (executable === null) return { reason: `npm cannot get ${PACKAGE.name}` };
  return { target: { arch: 'arm64', cc: CC, cxx: CXX, bun: executable }, runtime: PACKAGE };
}

/** The path of Bun's executable; null where the registry is out of reach. @throws where the package is not the one that is pinned */
function fetched(cache) {
  const folder = join(cache, `bun-aarch64-${PACKAGE.version}`);
  const executable = join(folder, 'package', 'bin', 'bun');
  if (existsSync(executable)) return executable;
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const args = ['pack', '--silent', `--pack-destination=${folder}`, `${PACKAGE.name}@${PACKAGE.version}`];
  if (spawnSync('npm', args, { stdio: 'ignore' }).status !== 0) return null;
  const archive = join(
    folder,
    readdirSync(folder).find((name) => name.endsWith('.tgz')),
  );
  const integrity = `sha512-${createHash('sha512').update(readFileSync(archive)).digest('base64')}`;
  if (integrity !== PACKAGE.integrity)
    throw new Error(`${PACKAGE.name} from the registry is not the one that is pinned`);
  execFileSync('tar', ['-xzf', archive, '-C', folder]);
  rmSync(archive);
  return executable;
}
