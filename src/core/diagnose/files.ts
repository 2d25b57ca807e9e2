import { statSync } from 'node:fs';
import { dirname } from 'node:path';
import { readPin } from '../../config/index.ts';
import type { PinSource } from '../../config/types.ts';
import { CofferError, ConfigError, HsmError, StoreError } from '../../errors.ts';
import { describeExposure, exposures } from '../../exposure.ts';
import { checkModuleFile } from '../../pkcs11/index.ts';
import { checkStoreFiles, driverOf, folderFault, storageFault, storeFiles } from '../../storage/index.ts';
import { shellWord } from '../../shell.ts';
import type { Context } from '../context.ts';
import type { Checklist } from './check.ts';

const OTHERS = 0o077;
const OTHERS_READ = 0o044;
const OTHERS_WRITE = 0o022;

/** Who else can read or write what coffer relies on. The store is looked at before anything opens it. */
export function checkFiles({ config }: Context, list: Checklist): void {
  const { storage, seal } = config;
  checkPin(seal.pin, list);
  checkModule(seal.lib, list);
  const store = driverOf(storage).file(storage);
  if (store === null) return;
  checkStoreFolder(store, list);
  checkStoreFile(store, list);
}

function checkStoreFile(path: string, list: Checklist): void {
  try {
    if (!checkStoreFiles(path)) {
      // Where the folder is not fit, there is first another thing to do.
      if (list.hasFailed('store folder')) list.skip(['store file'], `there is no store at ${path}`);
      else list.warn('store file', `there is no store at ${path}`, 'create it with: coffer init');
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

/**
 * What keeps a command from opening or making the store is a failure; a folder further above, through which a store that is there
 * could be swapped, a warning.
 */
function checkStoreFolder(path: string, list: Checklist): void {
  const folder = dirname(path);
  try {
    const fault = folderFault(path);
    if (fault !== null) throw fault;
    const [above] = exposures(folder);
    if (above === undefined) {
      const isThere = statSync(folder, { throwIfNoEntry: false }) !== undefined;
      list.ok('store folder', isThere ? `nobody else can write ${folder}` : `${folder} is made by \`coffer init\``);
      return;
    }
    const { problem, remedy } = describeExposure(above);
    if (statSync(folder, { throwIfNoEntry: false }) === undefined)
      throw new StoreError('storage_exposed', `no store is made at ${path}: ${problem}`, { hint: remedy });
    list.warn('store folder', `other users can replace the store, for ${problem}`, remedy);
  } catch (error) {
    const fault = storageFault(path, error);
    if (!(fault instanceof CofferError)) throw fault;
    list.fail('store folder', fault);
  }
}

function checkPin(pin: PinSource | null, list: Checklist): void {
  if (pin === null) {
    list.ok('PIN source', 'none; coffer asks on a terminal');
    return;
  }
  try {
    readPin(pin, process.env);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    list.fail('PIN source', error);
    return;
  }
  const file = pin.kind === 'file' ? pin.path : pin.kind === 'literal' ? pin.file : null;
  if (file !== null && (modeOf(file) & OTHERS_READ) !== 0)
    list.warn('PIN source', `other users can read ${file}, which holds the PIN`, `run: chmod go= ${shellWord(file)}`);
  else list.ok('PIN source', describePin(pin));
}

/** Where the PIN comes from, and not more. */
function describePin(pin: PinSource): string {
  switch (pin.kind) {
    case 'literal':
      return pin.origin;
    case 'env':
      return `environment variable ${pin.name}, which pin names`;
    case 'file':
      return `the file ${pin.path}, which pin names`;
    case 'credential':
      return `the systemd credential ${pin.name}, which pin names`;
  }
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
