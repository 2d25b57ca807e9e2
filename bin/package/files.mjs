// Where everything goes: in the folder that becomes the archive, and in the file system of Debian.

import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { gzip } from './compress.mjs';

const here = import.meta.dirname;

/** Completions of shells, as soon as the tree has them: where in the tree, and where Debian's shells look. */
const COMPLETIONS = {
  'completions/coffer.bash': 'usr/share/bash-completion/completions/coffer',
  'completions/coffer.fish': 'usr/share/fish/vendor_completions.d/coffer.fish',
  'completions/_coffer': 'usr/share/zsh/vendor-completions/_coffer',
};

/**
 * The files of the archive.
 * @param program the folder of the compiled program
 * @param texts {notices, sbom}
 */
export function archiveFiles(root, program, { notices, sbom }) {
  return [
    ...programFiles(program, ''),
    ...manual(root).map(({ name, content }) => text(`man/man${name.at(-1)}/${name}`, content)),
    ...completions(root).map(({ from, content }) => text(from, content)),
    text('systemd/coffer-unseal.service', unit('/usr/local/bin/coffer')),
    text('examples/coffer.hcl', readFileSync(join(here, 'coffer.hcl'))),
    text('CHANGELOG.md', readFileSync(join(root, '.github/CHANGELOG.md'))),
    text('NOTICES', notices),
    text('sbom.cdx.json', sbom),
  ];
}

/** The files of the Debian package. @param about {version, maintainer, time} */
export function debianFiles(root, program, { notices, sbom }, about) {
  const doc = 'usr/share/doc/coffer';
  return [
    ...programFiles(program, 'usr/lib/coffer/'),
    { path: 'usr/bin/coffer', link: '../lib/coffer/coffer' },
    ...manual(root).map(({ name, content }) => text(`usr/share/man/man${name.at(-1)}/${name}.gz`, gzip(content))),
    ...completions(root).map(({ to, content }) => text(to, content)),
    text('usr/lib/systemd/system/coffer-unseal.service', unit('/usr/bin/coffer')),
    text(`${doc}/examples/coffer.hcl`, readFileSync(join(here, 'coffer.hcl'))),
    text(`${doc}/changelog.gz`, gzip(debianChangelog(about))),
    text(`${doc}/CHANGELOG.md.gz`, gzip(readFileSync(join(root, '.github/CHANGELOG.md')))),
    text(`${doc}/copyright`, `${COPYRIGHT}\n${notices}`),
    text(`${doc}/sbom.cdx.json.gz`, gzip(sbom)),
    text('usr/share/lintian/overrides/coffer', readFileSync(join(here, 'lintian-overrides'))),
  ];
}

const COPYRIGHT = `This package is made from coffer's own sources by "npm run package".
`;

function programFiles(program, to) {
  const file = (path, mode) => ({ path: `${to}${path}`, mode, content: readFileSync(join(program, path)) });
  const addons = readdirSync(join(program, 'lib')).filter((name) => name.endsWith('.node'));
  return [file('coffer', 0o755), file('coffer.bin', 0o755), ...addons.map((name) => file(`lib/${name}`, 0o644))];
}

function manual(root) {
  const names = readdirSync(join(root, 'man')).filter((name) => /\.[1-8]$/.test(name));
  return names.map((name) => ({ name, content: readFileSync(join(root, 'man', name)) }));
}

function completions(root) {
  return Object.entries(COMPLETIONS)
    .filter(([from]) => existsSync(join(root, from)))
    .map(([from, to]) => ({ from, to, content: readFileSync(join(root, from)) }));
}

function unit(program) {
  return readFileSync(join(here, 'coffer-unseal.service'), 'utf8').replaceAll('@coffer@', program);
}

function debianChangelog({ version, maintainer, time }) {
  const date = new Date(time * 1000).toUTCString().replace('GMT', '+0000');
  return `coffer (${version}) stable; urgency=medium

  * What changed is in CHANGELOG.md.gz.

 -- ${maintainer}  ${date}
`;
}

function text(path, content) {
  return { path, mode: 0o644, content: Buffer.from(content) };
}
