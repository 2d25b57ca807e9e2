import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import type { Stand } from './store.ts';

/** Every file below these folders of a stand, by its path there. */
export function filesBelow(stand: Stand, folders: readonly string[]): Map<string, Buffer> {
  const entries = folders.flatMap((folder) =>
    readdirSync(join(stand.dir, folder), { recursive: true, withFileTypes: true }),
  );
  const paths = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  return new Map(paths.sort().map((path) => [relative(stand.dir, path), readFileSync(path)]));
}

/** The ways in which bytes might stand in a file, in lower case. Base64 in each of its three alignments. */
export function encodings(bytes: Uint8Array): Map<string, Buffer> {
  const plain = Buffer.from(bytes);
  const base64 = [0, 1, 2].map((shift): [string, Buffer] => {
    const text = Buffer.concat([Buffer.alloc(shift), plain])
      .toString('base64')
      .replace(/=+$/, '');
    // What the bytes before and after decide is left out.
    return [`base64 shifted by ${shift}`, Buffer.from(text.slice(Math.ceil((shift * 8) / 6), -1))];
  });
  const utf16 = Buffer.from(plain.toString('latin1'), 'utf16le');
  return new Map<string, Buffer>([
    ['utf8', plain],
    ['hex', Buffer.from(plain.toString('hex'))],
    ['utf16le', utf16],
    ['utf16be', Buffer.from(utf16).swap16()],
    ['JSON', Buffer.from(JSON.stringify(plain.toString('latin1')).slice(1, -1))],
    ['reversed', Buffer.from(plain).reverse()],
    ...base64,
    ...base64.map(([name, text]): [string, Buffer] => [
      name.replace('base64', 'base64url'),
      Buffer.from(text.toString().replaceAll('+', '-').replaceAll('/', '_')),
    ]),
  ]);
}

/** Where any of the needles stands, whatever the case of its letters. */
export function found(haystacks: ReadonlyMap<string, Buffer>, needles: ReadonlyMap<string, Buffer>): string[] {
  return [...haystacks].flatMap(([file, content]) => {
    const lower = content.toString('latin1').toLowerCase();
    return [...needles]
      .filter(([, needle]) => lower.includes(needle.toString('latin1').toLowerCase()))
      .map(([encoding]) => `${encoding} in ${file}`);
  });
}
