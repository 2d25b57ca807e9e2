// Gets files out of Debian and Ubuntu packages without being root: downloaded with apt-get, unpacked with dpkg, never
// installed.

import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';

export const DEBIAN_MISSING = 'this system has no apt-get and dpkg';

/**
 * Unpacks a package, and on request those that it depends on, into `into`. `deps` is where downloads and package lists
 * may be kept. Returns null, or the reason why it could not be done.
 */
export function unpackPackage(name, into, deps, { withDependencies = false } = {}) {
  if (spawnSync('apt-get', ['--version']).error || spawnSync('dpkg', ['--version']).error) return DEBIAN_MISSING;
  const downloads = join(deps, 'downloads');
  rmSync(downloads, { recursive: true, force: true });
  mkdirSync(downloads, { recursive: true });
  let options = [];
  const download = () => apt('apt-get', ['download', ...names(name, withDependencies, options)], options, downloads);
  if (!download()) {
    // The system's package lists are empty, as in a container image, or out of date: fetch lists of our own.
    options = privateLists(join(deps, 'apt'));
    apt('apt-get', ['update'], options, downloads);
    if (!download()) return `apt-get cannot download ${name}`;
  }
  mkdirSync(into, { recursive: true });
  for (const file of readdirSync(downloads)) {
    if (spawnSync('dpkg', ['-x', join(downloads, file), into]).status !== 0) return `dpkg cannot unpack ${file}`;
  }
  rmSync(downloads, { recursive: true });
  return null;
}

/** Installs packages for the whole system; only root can. Returns null, or the reason why it could not be done. */
export function installPackages(packages) {
  const options = {
    stdio: ['ignore', 'ignore', 'pipe'],
    encoding: 'utf8',
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
  };
  if (spawnSync('apt-get', ['update'], options).error) return DEBIAN_MISSING;
  const { status, stderr } = spawnSync('apt-get', ['install', '-y', '--no-install-recommends', ...packages], options);
  return status === 0 ? null : (stderr.trim().split('\n').at(-1) ?? 'apt-get failed');
}

function names(name, withDependencies, options) {
  if (!withDependencies) return [name];
  const { stdout } = spawnSync('apt-cache', [...options, 'depends', name], { encoding: 'utf8' });
  const needed = [...(stdout ?? '').matchAll(/^ +Depends: ([a-z0-9][^<\s]*)$/gm)].map((match) => match[1]);
  // A second C library beside the system's own would break every program that sees it.
  return [name, ...needed.filter((each) => each !== 'libc6')];
}

function privateLists(folder) {
  const lists = join(folder, 'lists');
  const cache = join(folder, 'cache');
  mkdirSync(join(lists, 'partial'), { recursive: true });
  mkdirSync(join(cache, 'archives', 'partial'), { recursive: true });
  return ['-o', `Dir::State::lists=${lists}`, '-o', `Dir::Cache=${cache}`];
}

function apt(program, args, options, cwd) {
  // apt-get drops from root to the user _apt, who cannot write here.
  const sandbox = process.getuid?.() === 0 ? ['-o', 'APT::Sandbox::User=root'] : [];
  return spawnSync(program, [...options, ...sandbox, ...args], { cwd, stdio: 'ignore' }).status === 0;
}
