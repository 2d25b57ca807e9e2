import { licenseText } from './components.mjs';

const RULE = '-'.repeat(78);

/** The licences of what other people wrote, each text once with the packages that it is of. */
export function notices(root, packages, parts) {
  const texts = new Map();
  for (const each of packages) {
    const text = licenseText(root, each) ?? `The package carries no text; it says: ${each.license}`;
    texts.set(text, [...(texts.get(text) ?? []), `${each.name} ${each.version}`]);
  }
  return [
    'coffer contains the work of others. Their licences are below.',
    '',
    ...parts.map(({ name, version, license, where }) => `${name} ${version} (${license}), ${where}`),
    '',
    ABOUT_PARTS,
    ...[...texts].flatMap(([text, names]) => [RULE, [...new Set(names)].join(', '), '', text, '']),
  ].join('\n');
}

const ABOUT_PARTS = `Bun is under the MIT licence. It contains JavaScriptCore and TinyCC, which are under the GNU
LGPL, version 2 and 2.1, and other libraries under licences of their own. The list of them, and how Bun
is linked anew with a changed JavaScriptCore, are in LICENSE.md of its sources, github.com/oven-sh/bun.
coffer.bin is Bun's own executable with coffer's program added to it: another build of Bun
takes it with the option executablePath of Bun.build.

SQLite is in the public domain.

The GNU C library is under the GNU LGPL, version 2.1 or later. coffer, the launcher, is one file of C:
src/native/launch.c, which any C library serves.

HCL is under the Mozilla Public License 2.0; its sources are at github.com/hashicorp/hcl.

Debian has the texts of the GPL, the LGPL and the MPL in /usr/share/common-licenses.
`;
