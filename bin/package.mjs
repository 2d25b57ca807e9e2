// `npm run package`: what is installed on machines without Node.js, in dist/package.
//
//   coffer-VERSION-linux-x64/              the program, its manual, a unit for systemd, an example
//   coffer-VERSION-linux-x64.tar.zst       the same as an archive
//   coffer-VERSION-linux-x64.cdx.json      what is in it, CycloneDX
//   coffer_VERSION_amd64.deb               the same for Debian and Ubuntu
//   SHA256SUMS
//
// And for arm64, where this machine has the compiler. `-- --arch=x64` makes one of the two, `-- --out=FOLDER` somewhere else.
// The same sources give the same bytes: every time in them is SOURCE_DATE_EPOCH, or that of the last commit.

import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmodSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { HERE, buildAddons } from './natives.mjs';
import { sayErrorsInOneLine } from './node.mjs';
import { arm64 } from './package/arm64.mjs';
import { npmPackages, otherParts } from './package/components.mjs';
import { ENDING, compress } from './package/compress.mjs';
import { deb } from './package/deb.mjs';
import { archiveFiles, debianFiles } from './package/files.mjs';
import { notices } from './package/notices.mjs';
import { sbom } from './package/sbom.mjs';
import { tar } from './package/tar.mjs';
import { buildProgram, runtime } from './program.mjs';

sayErrorsInOneLine();

const ARCHITECTURES = { x64: 'amd64', arm64: 'arm64' };
const BUN = '@oven/bun-linux-x64';

const root = dirname(import.meta.dirname);
const { values } = parseArgs({ options: { arch: { type: 'string' }, out: { type: 'string' } } });
const out = resolve(values.out ?? join(root, 'dist', 'package'));
const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
const lock = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')).packages;
const maintainer = 'The coffer developers <coffer@localhost>';
const time = sourceDate();

if (runtime() === null || process.arch !== 'x64') {
  console.error(`packages are made on Linux, x86-64, with ${BUN} installed`);
  process.exit(1);
}
rmSync(out, { recursive: true, force: true });
mkdirSync(out, { recursive: true });
const packages = await npmPackages(root);
await Promise.all(
  targets()
    .map((each) => ({ ...each, program: compiled(each.target) }))
    .map(write),
);
const sums = readdirSync(out, { withFileTypes: true })
  .filter((entry) => entry.isFile())
  .map(
    ({ name }) =>
      `${createHash('sha256')
        .update(readFileSync(join(out, name)))
        .digest('hex')}  ${name}\n`,
  );
writeFileSync(join(out, 'SHA256SUMS'), sums.join(''));

/** The processors to build for: {target, bun}, with the registry's package of Bun. */
function targets() {
  const { version: bunVersion, integrity } = lock[`node_modules/${BUN}`];
  const x64 = { target: HERE, bun: { name: BUN, version: bunVersion, integrity } };
  if (values.arch === 'x64') return [x64];
  const { reason, target, runtime: bun } = arm64(join(root, '.deps'), bunVersion);
  if (reason !== undefined) console.log(`nothing for arm64: ${reason}`);
  const other = reason === undefined ? [{ target, bun }] : [];
  return values.arch === 'arm64' ? other : [x64, ...other];
}

/** Compiles the program for a processor. @returns its folder */
function compiled(target) {
  const folder = join(out, `.${target.arch}`);
  buildAddons(join(folder, 'lib'), target);
  buildProgram(join(folder, 'program'), join(folder, 'lib'), target);
  return join(folder, 'program');
}

async function write({ target, bun, program }) {
  const { arch } = target;
  const parts = otherParts(root, target, {
    ...bun,
    name: 'bun',
    purl: `pkg:npm/${bun.name.replace('@', '%40')}@${bun.version}`,
  });
  const texts = { notices: notices(root, packages, parts), sbom: sbom({ version, arch, time }, packages, parts) };
  const name = `coffer-${version}-linux-${arch}`;
  const files = archiveFiles(root, program, texts);
  const about = { version, architecture: ARCHITECTURES[arch], maintainer, time };
  writeTree(join(out, name), files);
  const archive = compress(
    tar(
      files.map((file) => ({ ...file, path: `${name}/${file.path}` })),
      time,
    ),
  );
  const debian = deb(debianFiles(root, program, texts, about), about);
  writeFileSync(join(out, `${name}.cdx.json`), texts.sbom);
  writeFileSync(join(out, `${name}.tar.${ENDING}`), await archive);
  writeFileSync(join(out, `coffer_${version}_${about.architecture}.deb`), await debian);
  rmSync(dirname(program), { recursive: true });
  console.log(`${name}, as a folder, .tar.${ENDING} and .deb`);
}

function writeTree(folder, files) {
  for (const { path, mode, content } of files) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), content);
    chmodSync(join(folder, path), mode);
  }
}

/** In seconds since 1970; that of coffer's first commit where there is no repository. */
function sourceDate() {
  const given = process.env.SOURCE_DATE_EPOCH;
  if (given !== undefined && /^\d+$/.test(given)) return Number(given);
  try {
    const stdio = ['ignore', 'pipe', 'ignore'];
    return Number(execFileSync('git', ['log', '-1', '--format=%ct'], { cwd: root, encoding: 'utf8', stdio }));
  } catch {
    console.error('there is no commit to take the time from: set SOURCE_DATE_EPOCH');
    return process.exit(1);
  }
}
