// `npm run test:package`: the package as `npm run package` makes it, twice the same, and in minimal Debians without Node.js: the
// README's first session, the manual, the unit, and removal. Needs root and debootstrap; the Debians stay in .deps.

import { execFileSync, spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { debian, unitLines, whyNot } from './chroot.mjs';
import { session, withoutWhatVaries } from './readme.mjs';

const RELEASES = ['bookworm', 'trixie'];
const UNIT = 'usr/lib/systemd/system/coffer-unseal.service';
const CREDENTIALS = '/run/credentials/coffer-unseal.service';
const STORES = ['/var/lib/coffer/coffer.db', '/home/alice/.local/share/coffer/coffer.db'];
const SECRET = 'coffer kv get -field=password kv-seal-wrapped/app';

const root = dirname(dirname(import.meta.dirname));
const count = { passed: 0, failed: 0, skipped: 0 };
const folder = mkdtempSync(join(tmpdir(), 'coffer-package-'));
const first = join(folder, 'first');
try {
  makePackage(root, first);
  await check('two builds in two folders are the same bytes', sameTwice);
  await check('SHA256SUMS names every file', () => shell('sha256sum --quiet -c SHA256SUMS', first));
  await check('the archive holds a program that starts', archiveStarts);
  const reason = whyNot();
  if (reason === null) await Promise.all(RELEASES.map(testRelease));
  else {
    count.skipped += RELEASES.length;
    console.log(`skipped: ${RELEASES.join(', ')}: ${reason}`);
  }
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

async function testRelease(release) {
  const system = await debian(release, join(root, '.deps', 'debian'));
  const test = (name, passes) => check(`${release}: ${name}`, () => passes(system));
  try {
    for (const [name, passes] of Object.entries(TESTS)) await test(name, passes);
  } finally {
    system.remove();
  }
}

/** In this order: each goes on where the one before it stopped. */
const TESTS = {
  'installs where there is no Node.js': async (system) => {
    const name = readdirSync(first).find((each) => each.endsWith('.deb'));
    copyFileSync(join(first, name), join(system.folder, 'tmp', name));
    await succeeds(system, `apt-get -qq update && ${install('softhsm2')} /tmp/${name}`);
    await succeeds(system, '! command -v node && ! command -v nodejs');
    const { output } = await succeeds(system, 'coffer version');
    if (!output.includes(version())) throw new Error(output);
  },
  "an ordinary user's first session is as in the README": async (system) => {
    await succeeds(system, 'useradd --create-home --shell /bin/bash --groups softhsm alice');
    await typed(system, { user: 'alice' });
    await succeeds(system, 'softhsm2-util --delete-token --token demo');
  },
  "root's first session is as in the README": (system) => typed(system, { user: 'root' }),
  'man finds the pages': async (system) => {
    await succeeds(system, install('man-db'));
    for (const page of ['coffer', 'coffer-config', 'coffer-format', 'coffer-security']) {
      const { output } = await succeeds(system, `man ${page} | head -5`);
      if (!output.includes(page.toUpperCase())) throw new Error(output);
    }
  },
  'the unit is well-formed and not enabled': async (system) => {
    await succeeds(system, install('systemd'));
    const { output } = await succeeds(system, `systemd-analyze verify --man=no /${UNIT}`);
    equal(output, '');
    equal((await system.run('systemctl is-enabled coffer-unseal.service')).output.trim(), 'disabled');
  },
  'after a boot the unit unseals': async (system) => {
    await succeeds(
      system,
      `install -d /etc/coffer
       sed 's|#pin .*|pin = "credential:pin"|' /usr/share/doc/coffer/examples/coffer.hcl >/etc/coffer/coffer.hcl
       install -d -m 700 ${CREDENTIALS}
       (umask 077; echo 1234 >${CREDENTIALS}/pin)`,
    );
    const lines = unitLines(system.folder, UNIT);
    const given = lines.get('Environment').map(([, , variable]) => variable.split('='));
    const env = { ...Object.fromEntries(given), CREDENTIALS_DIRECTORY: CREDENTIALS };
    const bootId = '3f0c8f2e-6c0e-4a53-9a4b-0d8a7b1f5e11';
    const [[, , start]] = lines.get('ExecStart');
    const [[, , stop]] = lines.get('ExecStop');
    const before = await system.run(SECRET, { env, bootId });
    equal(before.status, 2, before.output);
    await succeeds(system, start, { env, bootId });
    equal((await succeeds(system, SECRET, { env, bootId })).output.trim(), 'correct-horse-battery');
    await succeeds(system, stop, { env, bootId });
    equal((await system.run(SECRET, { env, bootId })).status, 2);
  },
  'goes without a trace but for what the administrator made': async (system) => {
    await succeeds(system, 'systemctl enable coffer-unseal.service');
    await succeeds(system, 'apt-get -qq remove coffer && test ! -e /usr/bin/coffer && test ! -e /usr/lib/coffer');
    await succeeds(system, `apt-get -qq purge coffer && ls ${STORES.join(' ')} /etc/coffer/coffer.hcl`);
    const ours = `find / -xdev -iname '*coffer*' -not -path '/proc/*' -not -path '/tmp/*' -prune`;
    const { output } = await succeeds(system, ours);
    const left = output.split('\n').filter((line) => line !== '' && !line.startsWith('/run/'));
    const administrators = ['/etc/coffer', '/var/lib/coffer'];
    const others = left.filter((path) => !administrators.includes(path) && !/^\/(root|home\/alice)\//.test(path));
    equal(others.join('\n'), '');
  },
};

function install(packages) {
  return `DEBIAN_FRONTEND=noninteractive apt-get -qq install --no-install-recommends ${packages}`;
}

/** Types the README's commands into one shell, and compares what each of them prints. */
async function typed(system, options) {
  const steps = session(readFileSync(join(root, 'README.md'), 'utf8'), 'A first session');
  const mark = '=== next';
  const script = steps.map(({ command }) => `echo '${mark}'\n${command} || { echo "status $?"; exit 1; }\n`).join('');
  // The comment after a command would hide what checks it.
  const { output } = await system.run(script.replaceAll(/ +# .*?( \|\|)/g, '$1'), options);
  const printed = output.split(`${mark}\n`).slice(1);
  for (const [index, { command, shown }] of steps.entries()) {
    equal(withoutWhatVaries(printed[index] ?? 'nothing'), withoutWhatVaries(shown), command);
  }
  equal(printed.length, steps.length);
}

async function succeeds(system, script, options) {
  const { status, output } = await system.run(script, options);
  if (status !== 0) throw new Error(`${script}: status ${status}\n${output}`);
  return { output };
}

function shell(command, cwd) {
  const { status, stdout, stderr } = spawnSync('sh', ['-c', command], { cwd, encoding: 'utf8' });
  if (status !== 0) throw new Error(`${command}: status ${status}\n${stdout}${stderr}`);
  return stdout;
}

function version() {
  return JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')).version;
}

function equal(actual, wanted, what = '') {
  if (actual !== wanted) throw new Error(`${what}\nwanted: ${wanted}\nfound:  ${actual}`);
}
