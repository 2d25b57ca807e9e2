import { createHash } from 'node:crypto';

/**
 * A software bill of materials, CycloneDX 1.6 in JSON.
 * @param about {version, arch, time}
 * @param packages of npmPackages
 * @param parts of otherParts
 * @returns text; its serial number is made of all the rest
 */
export function sbom({ version, arch, time }, packages, parts) {
  const self = `pkg:generic/coffer@${version}?arch=${arch}`;
  const npm = packages.map(npmComponent);
  const other = parts.map(otherComponent);
  const refs = new Map(packages.map(({ path }, index) => [path, npm[index]['bom-ref']]));
  const depended = new Set(packages.flatMap(({ dependencies }) => dependencies));
  const direct = packages.filter(({ path }) => !depended.has(path)).map(({ path }) => refs.get(path));
  const document = {
    metadata: {
      timestamp: new Date(time * 1000).toISOString(),
      component: { type: 'application', 'bom-ref': self, name: 'coffer', version, purl: self },
    },
    components: [...npm, ...other],
    dependencies: [
      { ref: self, dependsOn: [...new Set([...direct, ...other.map((part) => part['bom-ref'])])] },
      ...packages.map(({ path, dependencies }) => ({
        ref: refs.get(path),
        dependsOn: dependencies.map((each) => refs.get(each)),
      })),
    ],
  };
  const head = { bomFormat: 'CycloneDX', specVersion: '1.6', serialNumber: `urn:uuid:${uuid(document)}`, version: 1 };
  return `${JSON.stringify({ ...head, ...document }, null, 2)}\n`;
}

function npmComponent({ path, name, version, license, integrity }) {
  const [scope, rest] = name.startsWith('@') ? name.split('/') : [undefined, name];
  const purl = `pkg:npm/${scope === undefined ? '' : `${scope.replace('@', '%40')}/`}${rest}@${version}`;
  return {
    type: 'library',
    'bom-ref': path,
    ...(scope && { group: scope }),
    name: rest,
    version,
    ...hashes(integrity),
    licenses: [{ license: { id: license } }],
    purl,
  };
}

function otherComponent({ name, version, license, integrity, purl, where }) {
  const known = license.includes(' WITH ') ? { expression: license } : { license: { id: license } };
  return {
    type: name === 'bun' ? 'platform' : 'library',
    'bom-ref': `part:${name}`,
    name,
    version,
    description: where,
    ...hashes(integrity),
    licenses: [known],
    ...(purl && { purl }),
  };
}

/** Of npm's integrity, of the package as the registry has it. */
function hashes(integrity) {
  const sha512 = /^sha512-(\S+)/.exec(integrity ?? '')?.[1];
  return sha512 && { hashes: [{ alg: 'SHA-512', content: Buffer.from(sha512, 'base64').toString('hex') }] };
}

/** RFC 9562 version 8: a digest with version and variant put in. */
function uuid(document) {
  const digest = createHash('sha256').update(JSON.stringify(document)).digest();
  digest[6] = (digest[6] & 0x0f) | 0x80;
  digest[8] = (digest[8] & 0x3f) | 0x80;
  return digest.toString('hex', 0, 16).replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
}
