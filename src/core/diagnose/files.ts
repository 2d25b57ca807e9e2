import { statSync } from 'node:fs';
import { dirname } from 'node:path';
import { CofferError, HsmError } from '../../errors.ts';
import { describeExposure, exposures } from '../../exposure.ts';
import { checkModuleFile } from '../../pkcs11/index.ts';
import { checkStoreFiles, driverOf, folderFault, storeFiles } from '../../storage/index.ts';
import { shellWord } from '../../shell.ts';
import type { Context } from '../context.ts';
import type { Checklist } from './check.ts';

const OTHERS = 0o077;
const OTHERS_READ = 0o044;
const OTHERS_WRITE = 0o022;

/** Who else can read or write what coffer relies on. The store is looked at before anything opens it. */
export function checkFiles({ config }: Context, list: Checklist): void {
  const { storage, seal, file } = config;
  checkPin(file, seal.pin, list);
  checkModule(seal.lib, list);
  const store = driverOf(storage).file(storage);
  if (store === null) return;
  checkStoreFile(store, list);
  checkStoreFolder(store, list);
}

function checkStoreFile(path: string, list: Checklist): void {
  try {
    if (!checkStoreFiles(path)) {
      list.warn('store file', `there is no store at ${path}`, 'create it with: coffer init');
      return;
    }
  } catch (error) {
    if (!(error instanceof CofferError)) throw error;
    list.fail('store file', error);
    return;
  }
  const files = storeFiles(path);
  const [open = [], written = []] = [OTHERS, OTHERS_WRITE].map((bits) =>
    files.filter(({ mode }) => (mode & bits) !== 0).map(({ name }) => name),
  );
  // In a folder that others can write a link may stand there by the time that somebody follows the hint.
  const remedy =
    folderFault(path) === null ? `run: chmod 600 ${open.map(shellWord).join(' ')}` : 'see to the store folder first';
  if (open.length === 0) list.ok('store file', `${path} is for its owner alone`);
  else if (written.length === 0) list.warn('store file', `other users can get at ${open.join(', ')}`, remedy);
  else
    list.warn('store file', `other users can write ${written.join(', ')}, and may have changed it`, [
      `${remedy}\nfind out who did, and `,
      { remedy: 'see-altered' },
    ]);
}

/** What keeps a command from opening the store is a failure; a folder further above, through which the store could be swapped, a warning. */
function checkStoreFolder(path: string, list: Checklist): void {
  const folder = dirname(path);
  const fault = folderFault(path);
  if (fault !== null) {
    list.fail('store folder', fault);
    return;
  }
  const [above] = exposures(folder);
  if (above === undefined) {
    list.ok('store folder', `nobody else can write ${folder}`);
    return;
  }
  const { problem, remedy } = describeExposure(above);
  list.warn('store folder', `other users can replace the store, for ${problem}`, remedy);
}

function checkPin(config: string | null, pin: Context['config']['seal']['pin'], list: Checklist): void {
  const source = pin?.kind === 'file' ? pin.path : pin?.kind === 'literal' ? config : null;
  if (source !== null && (modeOf(source) & OTHERS_READ) !== 0) {
    const remedy = `run: chmod go= ${shellWord(source)}`;
    list.warn('PIN source', `other users can read ${source}, which holds the PIN`, remedy);
    return;
  }
  const from = {
    literal: 'the configuration or the environment',
    env: 'an environment variable',
    file: 'a file',
    credential: 'a systemd credential',
  };
  list.ok('PIN source', pin === null ? 'none; coffer asks on a terminal' : from[pin.kind]);
}

/** Whether the module may be loaded; where it is not there, or is no module, loading it says so. */
function checkModule(lib: string, list: Checklist): void {
  try {
    checkModuleFile(lib);
    list.ok('module file', `nobody else can change ${lib}`);
  } catch (error) {
    if (!(error instanceof HsmError)) throw error;
    if (error.code === 'module_exposed') list.fail('module file', error);
  }
}

/** 0 where there is no such file. */
function modeOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.mode ?? 0;
}
