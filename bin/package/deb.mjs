// A Debian package, deb(5), without Debian's tools and without being root.

import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ENDING, compress, gzip } from './compress.mjs';
import { libraries } from './libraries.mjs';
import { tar } from './tar.mjs';

const SCRIPTS = ['postinst', 'prerm', 'postrm'];
const here = import.meta.dirname;

/**
 * @param files {path, mode, content} or {path, link}, from the root of the file system
 * @param about {version, architecture, maintainer, time}
 * @returns the package's bytes
 */
export async function deb(files, about) {
  const entries = files.map((file) => ({ ...file, path: `./${file.path}` }));
  const contents = files.filter(({ content }) => content !== undefined);
  const sums = contents.map(({ path, content }) => `${createHash('md5').update(content).digest('hex')}  ${path}\n`);
  const control = [
    { path: './control', mode: 0o644, content: Buffer.from(controlFile(contents, about)) },
    { path: './md5sums', mode: 0o644, content: Buffer.from(sums.sort(byPath).join('')) },
    ...SCRIPTS.map((name) => ({ path: `./${name}`, mode: 0o755, content: readFileSync(join(here, name)) })),
  ];
  return ar(
    [
      ['debian-binary', Buffer.from('2.0\n')],
      ['control.tar.gz', gzip(tar(control, about.time))],
      [`data.tar.${ENDING}`, await compress(tar(entries, about.time))],
    ],
    about.time,
  );
}

function controlFile(contents, { version, architecture, maintainer }) {
  const kilobytes = contents.reduce((sum, { content }) => sum + Math.ceil(content.length / 1024), 0);
  const depends = libraries(contents.filter(({ path }) => /\.(node|bin)$/.test(path)));
  return `Package: coffer
Version: ${version}
Architecture: ${architecture}
Maintainer: ${maintainer}
Installed-Size: ${kilobytes}
Depends: ${depends.join(', ')}
Suggests: opensc-pkcs11, pcscd, softhsm2
Section: admin
Priority: optional
Description: secret store in one command, sealed by an HSM over PKCS#11
 coffer keeps secrets in one SQLite file. Its root key exists only as the
 ciphertext of a hardware security module, so that the store opens on the
 machine that has the HSM and nowhere else. There is no daemon: each command
 opens the file, talks to the HSM, does its work and exits.
 .
 Commands, flags and output are those of Vault: the kv and transit engines,
 seal wrap, entropy augmentation and automatic unsealing at boot.
 .
 The PKCS#11 module of the HSM is the vendor's, or that of a package such as
 softhsm2 or opensc-pkcs11. On amd64 the processor needs SSE 4.2.
`;
}

function byPath(a, b) {
  return a.slice(34) < b.slice(34) ? -1 : 1;
}

/** An archive of ar(5). */
function ar(members, time) {
  const parts = members.flatMap(([name, content]) => [
    `${name.padEnd(16)}${String(time).padEnd(12)}${'0'.padEnd(6)}${'0'.padEnd(6)}${'100644'.padEnd(8)}${String(content.length).padEnd(10)}\`\n`,
    content,
    content.length % 2 === 0 ? '' : '\n',
  ]);
  return Buffer.concat([Buffer.from('!<arch>\n'), ...parts.map((part) => Buffer.from(part))]);
}
