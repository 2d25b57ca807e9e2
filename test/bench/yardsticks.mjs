// Other programs that give out one secret, where this machine has them. None is installed, and nothing outside the bench's folder
// is written: keys that they need are made there.

import { spawnSync } from 'node:child_process';
import { accessSync, constants, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { findProgram, say } from '../setup/ensure.mjs';
import { must } from './programs.mjs';

/** Where systemd keeps the key of a machine. */
const HOST_KEY = '/var/lib/systemd/credential.secret';
const SECRET = 'secret\n';

/**
 * The commands of those that are here, as `measure` wants them; of each other one a line says why not.
 * @returns {{commands: Record<string, import('./measure.mjs').Command>, end: () => void}} `end` stops what runs for them
 */
export function yardsticks(folder) {
  const commands = {};
  const ends = [];
  for (const [name, make] of Object.entries({
    'age -d': age,
    'systemd-creds decrypt': systemdCreds,
    'pass show': pass,
  })) {
    const made = attempt(make, join(folder, name.split(' ')[0]));
    if (typeof made === 'string') say(`no ${name}: ${made}`);
    else {
      commands[name] = made.command;
      if (made.end !== undefined) ends.push(made.end);
    }
  }
  return { commands, end: () => ends.forEach((end) => end()) };
}

/** What `make` makes, or why there is none. */
function attempt(make, folder) {
  mkdirSync(folder, { mode: 0o700 });
  try {
    return make(folder);
  } catch (error) {
    return error.message.split('\n')[0];
  }
}

function age(folder) {
  need('age', 'age-keygen');
  const [key, file] = [join(folder, 'key'), join(folder, 'app.age')];
  run('age-keygen', ['-o', key]);
  run('age', ['-r', run('age-keygen', ['-y', key]).trim(), '-o', file], { input: SECRET });
  return { command: { words: ['age', '-d', '-i', key, file] } };
}

function systemdCreds(folder) {
  need('systemd-creds');
  try {
    accessSync(HOST_KEY, constants.R_OK);
  } catch {
    throw new Error('this machine has no key that this user can read; see systemd-creds(1), setup');
  }
  const file = join(folder, 'app.cred');
  run('systemd-creds', ['encrypt', '--with-key=host', '--name=app', '-', file], { input: SECRET });
  return { command: { words: ['systemd-creds', 'decrypt', '--name=app', file, '-'] } };
}

function pass(folder) {
  need('pass', 'gpg', 'gpgconf');
  const [home, store] = [join(folder, 'gnupg'), join(folder, 'store')];
  mkdirSync(home, { mode: 0o700 });
  const own = { GNUPGHOME: home, PASSWORD_STORE_DIR: store };
  const env = { ...process.env, ...own };
  const end = () => void spawnSync('gpgconf', ['--kill', 'all'], { env, stdio: 'ignore' });
  try {
    const user = 'bench@example.org';
    const unasked = ['--batch', '--quiet', '--pinentry-mode', 'loopback', '--passphrase', ''];
    run('gpg', [...unasked, '--quick-generate-key', user, 'rsa3072', 'encr', 'never'], { env });
    run('pass', ['init', user], { env });
    run('pass', ['insert', '-m', 'app'], { env, input: SECRET });
  } catch (error) {
    end();
    throw error;
  }
  return { command: { words: ['pass', 'show', 'app'], env: own }, end };
}

function need(...programs) {
  const missing = programs.find((program) => findProgram(program) === null);
  if (missing !== undefined) throw new Error(`${missing} is not installed`);
}

function run(program, args, options = {}) {
  return must(spawnSync(program, args, { encoding: 'utf8', ...options })).stdout;
}
