import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ConfigError } from '../errors.ts';
import { isCompiled } from '../runtime.ts';

/** The native add-ons: our own, and those of pkcs11js and better-sqlite3. All are Node-API, which no runtime's version changes. */
export type AddonName = 'guard' | 'pkcs11' | 'sqlite';

/** Loads an add-on from coffer's own folder; nowhere else is looked. @throws ConfigError `addon_missing` */
export function loadAddon(name: AddonName): object {
  const file = addonFile(name);
  const module: { exports: object } = { exports: {} };
  try {
    process.dlopen(module, file);
  } catch (cause) {
    throw addonMissing(file, cause instanceof Error ? cause.message : String(cause), cause);
  }
  return module.exports;
}

/** In the folder lib beside the program or the bundle; for the sources, where the build puts it. */
export function addonFile(name: AddonName): string {
  const here = dirname(isCompiled() ? process.execPath : fileURLToPath(import.meta.url));
  return join(here, basename(here) === 'native' ? '../../dist/lib' : 'lib', `${name}.node`);
}

export function addonMissing(file: string, reason: string, cause?: unknown): ConfigError {
  return new ConfigError('addon_missing', `coffer's own add-on ${file} cannot be loaded: ${reason}`, {
    hint: 'install coffer again for this machine, or, from source, run: npm run build',
    cause,
  });
}
