// A minimal Debian in a folder, made by debootstrap once and unpacked anew for each run.

import { spawn, spawnSync } from 'node:child_process';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const BOOT_ID = '/proc/sys/kernel/random/boot_id';

/** @returns why there can be no such Debian on this machine, or null */
export function whyNot() {
  if (process.getuid?.() !== 0) return 'only root can make a chroot';
  if (spawnSync('debootstrap', ['--version']).status !== 0) return 'debootstrap is not installed';
  if (spawnSync('unshare', ['--mount', '--pid', '--fork', 'true']).status !== 0) return 'this machine allows no mounts';
  if (mirror() === null) return 'apt names no mirror of Debian';
  return null;
}

/** Debian's mirror that this machine uses, as apt has it. */
function mirror() {
  const args = ['indextargets', '--format', '$(ORIGIN) $(LABEL) $(REPO_URI)', 'Created-By: Packages'];
  const { stdout } = spawnSync('apt-get', args, { encoding: 'utf8' });
  return /^Debian Debian (\S+)$/m.exec(stdout ?? '')?.[1] ?? null;
}

/**
 * A Debian of its own.
 * @param release its name, such as bookworm
 * @param cache a folder for what debootstrap made
 * @returns {folder, run, remove}
 */
export async function debian(release, cache) {
  const folder = mkdtempSync(join(tmpdir(), `coffer-${release}-`));
  const remove = () => rmSync(folder, { recursive: true, force: true });
  try {
    await unpack(release, cache, folder);
  } catch (error) {
    remove();
    throw error;
  }
  copyFileSync('/etc/resolv.conf', join(folder, 'etc/resolv.conf'));
  return { folder, remove, run: (script, options) => run(folder, script, options) };
}

async function unpack(release, cache, folder) {
  const base = join(cache, `${release}.tar`);
  if (!existsSync(base)) {
    mkdirSync(cache, { recursive: true });
    const made = `${folder}.base`;
    try {
      await must('debootstrap', ['--variant=minbase', release, made, mirror()]);
      await must('tar', ['-C', made, '-cf', `${base}.new`, '.']);
    } finally {
      rmSync(made, { recursive: true, force: true });
    }
    renameSync(`${base}.new`, base);
  }
  await must('tar', ['-C', folder, '-xpf', base]);
}

/**
 * Runs a script of bash there, with a /proc of its own.
 * @param options {user, env, bootId}: a login of that user in place of root's, the whole environment, another boot of the machine
 * @returns {status, output}, of stdout and stderr
 */
function run(folder, script, { user, env = {}, bootId } = {}) {
  writeFileSync(join(folder, 'tmp/script'), script, { mode: 0o755 });
  const mounts = [`mount -t proc proc ${folder}/proc`, `mount --bind /dev ${folder}/dev`];
  if (bootId !== undefined) {
    writeFileSync(join(folder, 'tmp/boot_id'), `${bootId}\n`);
    mounts.push(`mount --bind ${folder}/tmp/boot_id ${folder}${BOOT_ID}`);
  }
  const variables = Object.entries({ PATH: '/usr/sbin:/usr/bin:/sbin:/bin', ...env }).map(
    ([name, value]) => `${name}=${value}`,
  );
  const shell = user === undefined ? ['bash', '/tmp/script'] : ['su', '-', user, '-c', 'bash /tmp/script'];
  const inside = ['chroot', folder, 'env', '-i', ...variables, ...shell];
  const unshare = ['--mount', '--pid', '--fork', '--kill-child', 'sh', '-ec', `${mounts.join('; ')}; exec "$@"`, 'sh'];
  return finished('unshare', [...unshare, ...inside]);
}

async function must(program, args) {
  const { status, output } = await finished(program, args);
  if (status !== 0) throw new Error(`${program} ${args.join(' ')}: ${output}`);
}

function finished(program, args) {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', (text) => (output += text));
    child.on('error', reject);
    child.on('close', (status) => resolve({ status, output }));
  });
}

/** The lines of a unit of systemd. @returns name to values */
export function unitLines(folder, path) {
  const lines = readFileSync(join(folder, path), 'utf8').matchAll(/^([A-Za-z]+)=(.*)$/gm);
  return Map.groupBy(lines, ([, name]) => name);
}
