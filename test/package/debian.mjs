// `npm run test:package`: the package as `npm run package` makes it, twice the same, and in minimal Debians without Node.js: the
// README's first session, the manual, the unit, and removal. Needs root and debootstrap; the Debians stay in .deps.

import { execFileSync, spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { SetupError, ensureCompiler, ensureDependencies, ensureNode, root, say } from '../setup/ensure.mjs';
import { debian, whyNot } from './chroot.mjs';
import { equal } from './equal.mjs';
import { installed } from './installed.mjs';

const RELEASES = ['bookworm', 'trixie'];

const count = { passed: 0, failed: 0, skipped: 0 };
const folder = mkdtempSync(join(tmpdir(), 'coffer-package-'));
const first = join(folder, 'first');
try {
  ensureNode();
  await ensureDependencies();
  ensureCompiler();
  makePackage(root, first);
  await check('two builds in two folders are the same bytes', sameTwice);
  await check('SHA256SUMS names every file', () => shell('sha256sum --quiet -c SHA256SUMS', first));
  await check('the archive holds a program that starts', archiveStarts);
  await check('the list of what is in it is CycloneDX 1.6', listIsValid);
  const reason = whyNot();
  if (reason === null) await Promise.all(RELEASES.map(testRelease));
  else {
    count.skipped += RELEASES.length;
    console.log(`skipped: ${RELEASES.join(', ')}: ${reason}`);
  }
} catch (error) {
  if (!(error instanceof SetupError)) throw error;
  say(error.message);
  count.failed += 1;
} finally {
  rmSync(folder, { recursive: true, force: true });
}
console.log(`${count.passed} passed, ${count.failed} failed, ${count.skipped} skipped`);
process.exitCode = count.failed === 0 ? 0 : 1;

async function check(name, passes) {
  try {
    await passes();
    count.passed += 1;
    console.log(`ok: ${name}`);
  } catch (error) {
    count.failed += 1;
    console.log(`FAILED: ${name}\n${error.message.replace(/^/gm, '    ')}`);
  }
}

function makePackage(tree, out) {
  execFileSync(process.execPath, [join(tree, 'bin/package.mjs'), '--arch=x64', `--out=${out}`], { stdio: 'inherit' });
}

/** Builds a copy of the tree in another folder. */
function sameTwice() {
  const copy = join(folder, 'a copy of the tree');
  const list = ['ls-files', '-z', '--cached', '--others', '--exclude-standard'];
  const files = execFileSync('git', list, { cwd: root, encoding: 'utf8' }).split('\0').filter(Boolean);
  for (const file of files) {
    mkdirSync(dirname(join(copy, file)), { recursive: true });
    copyFileSync(join(root, file), join(copy, file));
  }
  execFileSync('cp', ['-a', join(root, 'node_modules'), copy]);
  const time = execFileSync('git', ['log', '-1', '--format=%ct'], { cwd: root, encoding: 'utf8' }).trim();
  process.env.SOURCE_DATE_EPOCH = time;
  const second = join(folder, 'second');
  makePackage(copy, second);
  shell(`diff -r --brief '${first}' '${second}'`, folder);
  equal(readdirSync(second).length, 5);
}

function archiveStarts() {
  const name = readdirSync(first).find((each) => each.includes('.tar.'));
  const where = join(folder, 'unpacked');
  mkdirSync(where);
  shell(`tar -C ${where} -xf ${name}`, first);
  const started = shell(`${where}/coffer-*/coffer version`, folder);
  if (!started.includes(version())) throw new Error(started);
  equal(statSync(join(where, readdirSync(where)[0], 'lib', 'guard.node')).mode & 0o777, 0o644);
}

/** As far as the schema bom-1.6 makes demands on what is used of it. */
function listIsValid() {
  const name = readdirSync(first).find((each) => each.endsWith('.cdx.json'));
  const list = JSON.parse(readFileSync(join(first, name), 'utf8'));
  equal(`${list.bomFormat} ${list.specVersion} ${list.version}`, 'CycloneDX 1.6 1');
  equal(/^urn:uuid:[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(list.serialNumber), true, list.serialNumber);
  const all = [list.metadata.component, ...list.components];
  const refs = new Set(all.map((each) => each['bom-ref']));
  equal(refs.size, all.length, 'bom-ref is unique');
  for (const { type, name: component, licenses, hashes } of list.components) {
    equal(['library', 'platform'].includes(type) && component !== '', true, component);
    equal(
      licenses.length === 1 && hashes?.some(({ content }) => !/^[0-9a-f]{128}$/.test(content)) !== true,
      true,
      component,
    );
  }
  const used = list.dependencies.flatMap(({ ref, dependsOn }) => [ref, ...dependsOn]);
  equal(used.filter((ref) => !refs.has(ref)).join(), '', 'what is depended on is in the list');
  const wanted = ['bun', 'sqlite', 'better-sqlite3', 'pkcs11js', 'hcl2-parser', 'ciphers', 'commander'];
  equal(wanted.filter((each) => !list.components.some(({ name: component }) => component === each)).join(), '');
}

async function testRelease(release) {
  const system = await debian(release, join(root, '.deps', 'debian'));
  const file = readdirSync(first).find((each) => each.endsWith('.deb'));
  const steps = installed(join(first, file), version());
  const test = (name, passes) => check(`${release}: ${name}`, () => passes(system));
  try {
    for (const [name, passes] of Object.entries(steps)) await test(name, passes);
  } finally {
    system.remove();
  }
}

function shell(command, cwd) {
  const { status, stdout, stderr } = spawnSync('sh', ['-c', command], { cwd, encoding: 'utf8' });
  if (status !== 0) throw new Error(`${command}: status ${status}\n${stdout}${stderr}`);
  return stdout;
}

function version() {
  return JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')).version;
}
