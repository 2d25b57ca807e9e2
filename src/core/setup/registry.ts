import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { isAbsolute, join } from 'node:path';
import { registeredFolders } from './places.ts';

/** Where packages and the administrator register modules for p11-kit, pkcs11.conf(5). */
const REGISTRIES: readonly string[] = ['/etc/pkcs11/modules', '/usr/share/p11-kit/modules'];

/** The modules of p11-kit's registry; a file of the administrator's goes before a package's of the same name. */
export function registeredModules(
  folders: readonly string[] = REGISTRIES,
): { readonly name: string; readonly path: string }[] {
  const files = new Map<string, string>();
  for (const folder of folders) {
    for (const file of list(folder)) if (!files.has(file)) files.set(file, join(folder, file));
  }
  return [...files].flatMap(([file, path]) => {
    const module = moduleOf(path);
    return module === null ? [] : [{ name: file.replace(/\.module$/, ''), path: module }];
  });
}

function list(folder: string): string[] {
  try {
    return readdirSync(folder)
      .filter((name) => name.endsWith('.module'))
      .sort();
  } catch {
    return []; // there is no p11-kit
  }
}

/** The `module:` line; null for a module that is reached in another way (`remote:`), or not there. */
function moduleOf(file: string): string | null {
  const text = read(file);
  const [, given] = /^[ \t]*module[ \t]*:[ \t]*(\S.*?)[ \t\r]*$/m.exec(text) ?? [];
  if (given === undefined) return null;
  const paths = isAbsolute(given) ? [given] : registeredFolders().map((folder) => join(folder, given));
  return paths.find((path) => existsSync(path)) ?? null;
}

function read(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}
