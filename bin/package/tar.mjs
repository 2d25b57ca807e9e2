// Archives that depend on their contents alone: names in order, one time for all, everything owned by root.

const BLOCK = 512;
const NAME = 100;

/**
 * A tar archive, POSIX.1-1988 (ustar).
 * @param entries {path, mode, content} for a file, {path, link} for a symbolic link; folders are added as they are needed
 * @param time in seconds since 1970, of every entry
 */
export function tar(entries, time) {
  const all = [...folders(entries), ...entries].sort(({ path: a }, { path: b }) => (a < b ? -1 : 1));
  const blocks = all.flatMap((entry) => [header(entry, time), ...padded(entry.content ?? Buffer.alloc(0))]);
  return Buffer.concat([...blocks, Buffer.alloc(2 * BLOCK)]);
}

function folders(entries) {
  const paths = new Set();
  for (const { path } of entries) {
    for (let end = path.indexOf('/'); end >= 0; end = path.indexOf('/', end + 1)) paths.add(path.slice(0, end + 1));
  }
  return [...paths].map((path) => ({ path, mode: 0o755 }));
}

function header({ path, mode = 0o777, content, link = '' }, time) {
  const { prefix, name } = split(path);
  const block = Buffer.alloc(BLOCK);
  block.write(name, 0);
  block.write(octal(mode, 7), 100);
  block.write(octal(0, 7), 108);
  block.write(octal(0, 7), 116);
  block.write(octal(content?.length ?? 0, 11), 124);
  block.write(octal(time, 11), 136);
  block.write(' '.repeat(8), 148);
  block.write(link !== '' ? '2' : path.endsWith('/') ? '5' : '0', 156);
  block.write(link, 157, NAME);
  block.write('ustar\x0000', 257);
  block.write('root', 265);
  block.write('root', 297);
  block.write(prefix, 345);
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.write(`${octal(sum, 6)}\0 `, 148);
  return block;
}

function split(path) {
  if (path.length <= NAME) return { prefix: '', name: path };
  const at = path.indexOf('/', path.length - NAME - 1);
  if (at < 0 || at > 155) throw new Error(`${path} is too long for an archive`);
  return { prefix: path.slice(0, at), name: path.slice(at + 1) };
}

function octal(number, digits) {
  return number.toString(8).padStart(digits, '0');
}

function padded(content) {
  return [content, Buffer.alloc((BLOCK - (content.length % BLOCK)) % BLOCK)];
}
