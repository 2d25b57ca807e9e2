// Gets a fresh clone ready to build and test: each function looks first, does only what is missing, and says so in one
// line. Plain JavaScript without a dependency, since it runs before there are any.

import { spawnSync } from 'node:child_process';
import { accessSync, constants, existsSync, readFileSync, readdirSync, statSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { unpackPackage } from './debian.mjs';

export { ensureNode } from '../../bin/node.mjs';

export const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

/** A step that cannot be done; the message says what the user can do. */
export class SetupError extends Error {}

/** One line for the user about a step. */
export function say(message) {
  process.stdout.write(`setup: ${message}\n`);
}

/** Runs a program in the project's directory without input, its output shown. Returns whether it succeeded. */
export function run(program, args, options = {}) {
  return spawnSync(program, args, { cwd: root, stdio: ['ignore', 'inherit', 'inherit'], ...options }).status === 0;
}

/** Whether node_modules is not as package-lock.json has it. */
export function areDependenciesMissing() {
  return whyInstallHere() !== null;
}

function whyInstallHere() {
  return whyInstall(join(root, 'package-lock.json'), join(root, 'node_modules', '.package-lock.json'));
}

/** Installs node_modules as package-lock.json has them, with the native add-ons that tests load. */
export async function ensureDependencies() {
  const reason = whyInstallHere();
  if (reason !== null) {
    say(`npm ci, since ${reason}`);
    // npm refuses Bun where that is not made for the processor; nothing starts it there.
    const force = process.arch === 'x64' ? [] : ['--force'];
    const args = ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error', ...force];
    const { status, error, stderr } = spawnSync('npm', args, {
      cwd: root,
      stdio: ['ignore', 'inherit', 'pipe'],
      encoding: 'utf8',
    });
    if (status !== 0) throw new SetupError(`npm ci failed: ${error?.message ?? reasonOf(stderr)}`);
  }
  const addons = ['pkcs11js', 'node-pty'];
  if (!addons.every(loads)) {
    ensureCompiler();
    say(`compiling ${addons.join(', ')}`);
    const { buildTestAddons } = await import('./addons.mjs');
    try {
      buildTestAddons(join(root, 'dist', 'lib'));
    } catch (error) {
      throw new SetupError(error.message);
    }
    const failed = addons.filter((name) => !loads(name));
    if (failed.length > 0) throw new SetupError(`${failed.join(', ')} cannot be loaded after that`);
  }
  say('dependencies are installed');
}

/** What npm has to say in one line; it begins with codes, and ends with advice. */
function reasonOf(stderr) {
  const lines = stderr.split('\n').map((line) => line.replace(/^npm error ?/, ''));
  return lines.find((line) => line !== '' && !/^(code|errno|syscall) /.test(line)) ?? 'npm does not say why';
}

/**
 * Compares what the lock file asks for with npm's own record of what it installed. Returns null if they agree, else the
 * reason why not, as the end of a sentence.
 */
export function whyInstall(lockFile, installedFile) {
  if (!existsSync(installedFile)) return 'node_modules is missing';
  const wanted = readPackages(lockFile);
  const installed = readPackages(installedFile);
  for (const [path, { version, optional, peer }] of Object.entries(wanted)) {
    if (path === '' || installed[path]?.version === version) continue;
    // Packages for other systems and optional peers are in the lock file and rightly not installed.
    if (installed[path] === undefined && (optional === true || peer === true)) continue;
    return `${path} is not at ${version}`;
  }
  return null;
}

function readPackages(file) {
  return JSON.parse(readFileSync(file, 'utf8')).packages;
}

/** Whether a native add-on loads, tried in a process of its own because a bad one can crash. */
function loads(addon) {
  return spawnSync(process.execPath, ['-e', `require('${addon}')`], { cwd: root, stdio: 'ignore' }).status === 0;
}

/** Throws unless there is what the build, the add-ons and the tests' PKCS#11 shim are compiled with. */
export function ensureCompiler() {
  const needed = { 'a C compiler (cc)': process.env.CC || 'cc', 'a C++ compiler (c++)': process.env.CXX || 'c++' };
  const missing = Object.keys(needed).filter((what) => findProgram(needed[what]) === null);
  if (missing.length > 0) {
    throw new SetupError(
      `${missing.join(', ')} missing; install g++ and libc6-dev (Debian, Ubuntu), gcc-c++ and glibc-static (Fedora)`,
    );
  }
}

/** The path of a program on PATH, or null. */
export function findProgram(name) {
  for (const folder of (process.env.PATH ?? '').split(delimiter)) {
    const path = join(folder, name);
    try {
      accessSync(path, constants.X_OK);
      if (statSync(path).isFile()) return path;
    } catch {
      // Not here.
    }
  }
  return null;
}

/** Builds dist, unless all of it is there and what a build always writes is newer than everything it is made of. */
export function ensureBuild() {
  if (isBuilt(root)) {
    say('dist is up to date');
    return;
  }
  say('npm run build');
  if (!run(process.execPath, [join(root, 'bin', 'build.mjs')])) throw new SetupError('the build failed, see above');
}

/** Whether `below` has a build of its sources, with compiled code for this Node. */
export function isBuilt(below) {
  const dist = join(below, 'dist');
  const addons = ['guard', 'pkcs11', 'sqlite'].map((name) => join('lib', `${name}.node`));
  const always = ['coffer.cjs'];
  const kept = [...addons, 'commander.cjs', 'prompts.cjs', 'yaml.cjs', 'hcl2-parser.cjs'];
  // Without Bun there is no program.
  if (process.arch === 'x64' && existsSync(join(below, 'node_modules', '@oven', 'bun-linux-x64'))) {
    always.push(join('program', 'coffer.bin'));
    kept.push(join('program', 'coffer'), ...addons.map((name) => join('program', name)));
  }
  if (![...always, ...kept].every((name) => existsSync(join(dist, name)))) return false;
  const ending = `-${process.version}-${process.arch}`;
  if (!readdirSync(dist).some((name) => name.startsWith('coffer.cjs.cache-') && name.endsWith(ending))) return false;
  const sources = ['src', 'bin', 'package.json', 'package-lock.json'].map((name) => newest(join(below, name)));
  return Math.max(...sources) < Math.min(...always.map((name) => statSync(join(dist, name)).mtimeMs));
}

/** The latest change at or below a path, in milliseconds; a folder changes when something in it comes or goes. */
function newest(path) {
  const { mtimeMs } = statSync(path);
  if (!statSync(path).isDirectory()) return mtimeMs;
  return Math.max(mtimeMs, ...readdirSync(path).map((name) => newest(join(path, name))));
}

/** The mandoc program, got from the distribution if need be, or null with the reason said. */
export function ensureMandoc({ deps = join(root, '.deps') } = {}) {
  const installed = findProgram('mandoc');
  if (installed !== null) return installed;
  const unpacked = join(deps, 'mandoc');
  const program = join(unpacked, 'usr', 'bin', 'mandoc');
  if (!existsSync(program)) {
    say(`mandoc is not installed; unpacking it into ${unpacked}`);
    const problem = unpackPackage('mandoc', unpacked, deps);
    if (!existsSync(program)) {
      say(`manual pages are not checked: mandoc cannot be had (${problem ?? 'the package does not hold it'})`);
      return null;
    }
  }
  return program;
}
