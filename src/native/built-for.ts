import { readFileSync } from 'node:fs';

/** ELF's e_machine of the processors that coffer is built for, by Node's names. */
const MACHINES: ReadonlyMap<number, string> = new Map([
  [62, 'x64'],
  [183, 'arm64'],
]);

/**
 * Why an add-on cannot work here, if its file says so: what the dynamic linker has to say of another processor's is that
 * there is no such file. Null where the file was built for this processor and C library.
 */
export function notForThisMachine(file: string): string | null {
  const bytes = read(file);
  if (bytes === null) return 'it is not there';
  if (!bytes.subarray(0, 4).equals(ELF) || bytes.length < ELF_HEADER) return 'it is no add-on for Linux';
  // e_machine is at 18, least significant byte first on every processor named above.
  const machine = bytes.readUInt16LE(18);
  const builtFor = `${MACHINES.get(machine) ?? `processor ${machine}`} with ${bytes.includes('libc.musl-') ? 'musl' : 'glibc'}`;
  // What this process itself was linked with.
  const here = `${process.arch} with ${read('/proc/self/maps')?.includes('/ld-musl-') === true ? 'musl' : 'glibc'}`;
  return builtFor === here ? null : `it was built for ${builtFor}, and this is ${here}`;
}

const ELF = Buffer.from('\x7fELF', 'latin1');
const ELF_HEADER = 64;

function read(file: string): Buffer | null {
  try {
    return readFileSync(file);
  } catch {
    return null;
  }
}
