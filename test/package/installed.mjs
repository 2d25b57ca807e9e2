import { copyFileSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { root } from '../setup/ensure.mjs';
import { unitLines } from './chroot.mjs';
import { equal } from './equal.mjs';
import { session, withoutWhatVaries } from './readme.mjs';

const UNIT = 'usr/lib/systemd/system/coffer-unseal.service';
const CREDENTIALS = '/run/credentials/coffer-unseal.service';
const STORES = ['/var/lib/coffer/coffer.db', '/home/alice/.local/share/coffer/coffer.db'];
const SECRET = 'coffer kv get -field=password kv-seal-wrapped/app';

/**
 * What is done with the package in a minimal Debian, in this order: each goes on where the one before it stopped.
 * @param deb its path
 */
export const installed = (deb, version) => ({
  'installs where there is no Node.js': async (system) => {
    copyFileSync(deb, join(system.folder, 'tmp', basename(deb)));
    await succeeds(system, `apt-get -qq update && ${install('softhsm2')} /tmp/${basename(deb)}`);
    await succeeds(system, '! command -v node && ! command -v nodejs');
    const { output } = await succeeds(system, 'coffer version');
    if (!output.includes(version)) throw new Error(output);
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
    const left = output.split('\n').filter((line) => line !== '' && !/^\/(run|var\/cache\/man)\//.test(line));
    const administrators = ['/etc/coffer', '/var/lib/coffer'];
    const others = left.filter((path) => !administrators.includes(path) && !/^\/(root|home\/alice)\//.test(path));
    equal(others.join('\n'), '');
  },
});

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
