import { spawn, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { setTimeout } from 'node:timers/promises';
import { findFile, inChild, type TestModule } from './token.ts';

const lib = findFile(['opencryptoki/libopencryptoki.so.0', 'libopencryptoki.so.0']);
const PIN = 'ock-1234'; // at most 8 characters
const NO_GCM = "openCryptoki's soft token has no CKM_AES_GCM";

/**
 * openCryptoki's soft token. There is one for the whole machine, in fixed folders, served by a daemon; so each test gets
 * a mount and an IPC namespace of its own, with a daemon, folders and shared memory that nobody else sees.
 */
export const openCryptoki: TestModule = {
  name: 'openCryptoki soft token',
  missing: reason(),
  cannot: { 'aes-gcm': NO_GCM },
  async create(dir) {
    const daemon = spawn('unshare', ['--mount', '--ipc', '--kill-child', 'sh', '-euc', START, 'sh', dir], {
      stdio: ['ignore', 'inherit', 'inherit'],
    });
    const enter = ['nsenter', '--target', String(daemon.pid), '--mount', '--ipc', `--wd=${dir}`, '--'];
    for (let turn = 0; !existsSync(`${dir}/run/pkcsslotd.socket`); turn++) {
      if (turn === 200 || daemon.exitCode !== null) throw new Error('pkcsslotd does not start');
      await setTimeout(50);
    }
    inChild(INIT_TOKEN, { lib, pin: PIN }, { enter });
    return {
      lib: lib ?? '',
      pin: PIN,
      env: {},
      enter,
      seal: ['slot = "3"', 'token_label = "conformance"'],
      remove: () => void daemon.kill('SIGKILL'),
    };
  },
};

function reason(): string | null {
  if (lib === null || spawnSync('pkcsslotd', ['-h']).error !== undefined)
    return 'openCryptoki is not installed (package opencryptoki)';
  if (process.getuid?.() !== 0) return 'only root can start its daemon';
  const done = spawnSync('unshare', ['--mount', '--ipc', 'mount', '-t', 'tmpfs', 'tmpfs', '/dev/shm']);
  return done.status === 0 ? null : "this container may not make namespaces, and its one token is the whole machine's";
}

const START = `
  dir=$1
  mkdir -p "$dir/etc" "$dir/lib/swtok/TOK_OBJ" "$dir/run/lock/opencryptoki/swtok" /var/log/opencryptoki
  printf 'version opencryptoki-3.1\\nslot 3\\n{\\nstdll = libpkcs11_sw.so\\n}\\n' > "$dir/etc/opencryptoki.conf"
  chgrp -R pkcs11 "$dir/lib" "$dir/run"
  chmod -R 0770 "$dir/lib" "$dir/run"
  mount --make-rprivate /
  mount -t tmpfs tmpfs /dev/shm
  mount --bind "$dir/etc" /etc/opencryptoki
  mount --bind "$dir/lib" /var/lib/opencryptoki
  mount --bind "$dir/run" /run
  exec pkcsslotd -f
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
