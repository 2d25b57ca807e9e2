import { spawn, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { setTimeout } from 'node:timers/promises';
import { findFile, inChild, type TestModule } from './token.ts';

const lib = findFile(['opencryptoki/libopencryptoki.so.0', 'libopencryptoki.so.0']);
const PIN = 'ock-1234'; // at most 8 characters
/** Of the socket, below /run: 3.8 has the first, 3.23 the second. */
const SOCKETS = ['pkcsslotd.socket', 'opencryptoki/pkcsslotd.socket'];
const NAMESPACES = ['--mount', '--ipc', '--pid'];
/** So many turns of 50 ms, as a machine with other things to do needs them. */
const TURNS = 600;

/**
 * openCryptoki's soft token. There is one for the whole machine, in fixed folders, served by a daemon; so each test gets
 * namespaces of its own for mounts, IPC and processes, with a daemon, folders and shared memory that nobody else sees.
 */
export const openCryptoki: TestModule = {
  name: 'openCryptoki soft token',
  missing: reason(),
  always: ['aes-cbc-pad', 'aes-cbc', 'rsa-oaep', 'rsa-pkcs', 'random', 'rotation'],
  async create(dir) {
    // The first process there ends with the pipe to it, also where this process is killed. All others there end with it.
    const holder = spawn('unshare', [...NAMESPACES, '--fork', '--kill-child', 'sh', '-euc', START, 'sh', dir], {
      stdio: ['pipe', 'ignore', 'inherit'],
    });
    const remove = (): void => void holder.kill('SIGKILL');
    const enter = [
      ...['nsenter', '--target', String(holder.pid), '--mount', '--ipc', '--root', `--wd=${dir}`],
      ...[`--pid=/proc/${holder.pid}/ns/pid_for_children`, '--'],
    ];
    try {
      for (let turn = 0; !SOCKETS.some((socket) => existsSync(`${dir}/run/${socket}`)); turn++) {
        if (turn === TURNS || holder.exitCode !== null) throw new Error('pkcsslotd does not start');
        await setTimeout(50);
      }
      inChild(INIT_TOKEN, { lib, pin: PIN }, { enter });
    } catch (error) {
      remove();
      throw error;
    }
    return { lib: lib ?? '', pin: PIN, env: {}, enter, seal: ['slot = "3"', 'token_label = "conformance"'], remove };
  },
};

function reason(): string | null {
  if (lib === null || spawnSync('pkcsconf', ['-h']).error !== undefined)
    return 'openCryptoki is not installed (package opencryptoki)';
  if (process.getuid?.() !== 0) return 'only root can start its daemon';
  const done = spawnSync('unshare', [...NAMESPACES, '--fork', 'sh', '-ec', 'mount -t proc proc /proc']);
  return done.status === 0 ? null : "this container may not make namespaces, and its one token is the whole machine's";
}

/**
 * From 3.21 on pkcsslotd gives up root, starts itself anew and takes no option: it always goes to the background. The library
 * wants the package's strength.conf.
 */
const START = `
  dir=$1
  mkdir -p "$dir/etc" "$dir/lib/swtok/TOK_OBJ" "$dir/run/lock/opencryptoki/swtok" /var/log/opencryptoki
  cp -a /etc/opencryptoki/. "$dir/etc"
  printf 'version opencryptoki-3.1\\nslot 3\\n{\\nstdll = libpkcs11_sw.so\\n}\\n' > "$dir/etc/opencryptoki.conf"
  chgrp -R pkcs11 "$dir/lib" "$dir/run"
  chmod -R 0770 "$dir/lib" "$dir/run"
  mount -t proc proc /proc
  mount -t tmpfs tmpfs /dev/shm
  mount --bind "$dir/etc" /etc/opencryptoki
  mount --bind "$dir/lib" /var/lib/opencryptoki
  mount --bind "$dir/run" /run
  pkcsslotd
  exec cat
`;

/** Both PINs have to be changed from what they begin with before the token does anything. */
const INIT_TOKEN = `
  p11.C_Initialize({ flags: pkcs11js.CKF_OS_LOCKING_OK });
  const [slot] = p11.C_GetSlotList(true);
  p11.C_InitToken(slot, '87654321', 'conformance'.padEnd(32));
  const session = open(slot, pkcs11js.CKU_SO, '87654321');
  p11.C_SetPIN(session, '87654321', '76543210');
  p11.C_InitPIN(session, 'changeme');
  p11.C_Logout(session);
  p11.C_Login(session, pkcs11js.CKU_USER, 'changeme');
  p11.C_SetPIN(session, 'changeme', input.pin);
  p11.C_Finalize();
`;
