import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';

/** Debian's package of each shared library that a program may need here. */
const PACKAGES = { 'libstdc++': 'libstdc++6', libc: 'libc6', libm: 'libc6', libdl: 'libc6', libpthread: 'libc6' };
/** The first GCC whose libstdc++ has these symbols. */
const GCC_OF_GLIBCXX = {
  21: '5',
  22: '6',
  23: '7',
  24: '7',
  25: '8',
  26: '9',
  27: '9',
  28: '9',
  29: '11',
  30: '12',
  31: '13',
};

/**
 * What Debian's field Depends has to hold for programs and add-ons, from the versions of symbols that they ask for.
 * @param files {path, content}, ELF
 */
export function libraries(files) {
  const symbols = files.map(readSymbols).join('\n');
  const needed = new Set();
  for (const [, name] of symbols.matchAll(/\(NEEDED\).*\[(.+?)\.so/g)) {
    if (name.startsWith('ld-linux')) continue;
    if (PACKAGES[name] === undefined) throw new Error(`no package is known here for the library ${name}`);
    needed.add(PACKAGES[name]);
  }
  const glibc = newest(symbols, /Name: GLIBC_2\.(\d+)/g);
  const glibcxx = newest(symbols, /Name: GLIBCXX_3\.4\.(\d+)/g);
  const versions = { libc6: `2.${glibc}`, 'libstdc++6': GCC_OF_GLIBCXX[glibcxx] };
  return [...needed].sort().map((name) => {
    if (versions[name] === undefined) throw new Error(`no version of ${name} is known here for GLIBCXX_3.4.${glibcxx}`);
    return `${name} (>= ${versions[name]})`;
  });
}

function readSymbols({ path, content }) {
  const folder = mkdtempSync(join(tmpdir(), 'coffer-elf-'));
  try {
    const file = join(folder, basename(path));
    writeFileSync(file, content);
    return execFileSync('readelf', ['--wide', '--dynamic', '--version-info', file], {
      encoding: 'utf8',
      env: { ...process.env, LC_ALL: 'C' },
      maxBuffer: 2 ** 26,
    });
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function newest(text, pattern) {
  return Math.max(...[...text.matchAll(pattern)].map(([, minor]) => Number(minor)));
}
