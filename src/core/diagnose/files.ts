import { existsSync, realpathSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { shellWord } from '../../shell.ts';
import type { Context } from '../hsm.ts';
import type { Checklist } from './check.ts';

const OTHERS = 0o077;
const OTHERS_READ = 0o044;
const OTHERS_WRITE = 0o022;
const STICKY = 0o1000;

/** Who else can read or write what coffer relies on. The store is looked at before anything opens it. */
export function checkFiles({ config }: Context, list: Checklist): void {
  const { storage, seal, file } = config;
  checkPin(file, seal.pin, list);
  checkModuleFile(seal.lib, list);
  if (!existsSync(storage.path)) {
    list.warn('store file', `there is no store at ${storage.path}`, 'create it with: coffer init');
    return;
  }
  const readable = [storage.path, `${storage.path}-wal`, `${storage.path}-shm`].filter((path) => (modeOf(path) & OTHERS) !== 0);
  if (readable.length === 0) list.ok('store file', `${storage.path} is for its owner alone`);
  else list.warn('store file', `other users can get at ${readable.join(', ')}`, `run: chmod 600 ${readable.map(shellWord).join(' ')}`);
  const folder = dirname(storage.path);
  const mode = modeOf(folder);
  if ((mode & OTHERS_WRITE) === 0 || (mode & STICKY) !== 0) list.ok('store folder', `nobody else can write ${folder}`);
  else list.warn('store folder', `other users can replace the store, for they can write ${folder}`, `run: chmod go-w ${shellWord(folder)}`);
}

function checkPin(config: string | null, pin: Context['config']['seal']['pin'], list: Checklist): void {
  const source = pin?.kind === 'file' ? pin.path : pin?.kind === 'literal' ? config : null;
  if (source !== null && (modeOf(source) & OTHERS_READ) !== 0) {
    list.warn('PIN source', `other users can read ${source}, which holds the PIN`, `run: chmod go= ${shellWord(source)}`);
    return;
  }
  const from = { literal: 'the configuration or the environment', env: 'an environment variable', file: 'a file', credential: 'a systemd credential' };
  list.ok('PIN source', pin === null ? 'none; coffer asks on a terminal' : from[pin.kind]);
}

/** Whoever can replace the module has the PIN, and all that the HSM decrypts. */
function checkModuleFile(lib: string, list: Checklist): void {
  if (!existsSync(lib)) return; // loading it says so
  const file = realpathSync(lib);
  const [path] = [file, dirname(file)].filter(isForeign);
  if (path === undefined) list.ok('module file', `nobody else can change ${lib}`);
  else list.warn('module file', `other users can replace the module ${lib}, for they can change ${path}`, `run: chown root ${shellWord(path)} && chmod go-w ${shellWord(path)}`);
}

/** Whether users other than root and this one can change a file or folder; this one's own group is taken for theirs alone. */
function isForeign(path: string): boolean {
  const { mode, uid, gid } = statSync(path);
  if (uid !== 0 && uid !== process.getuid?.()) return true;
  if ((mode & STICKY) !== 0) return false;
  return (mode & 0o002) !== 0 || ((mode & 0o020) !== 0 && gid !== 0 && gid !== process.getgid?.());
}

/** 0 where there is no such file. */
function modeOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.mode ?? 0;
}
