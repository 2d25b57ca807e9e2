import { join } from 'node:path';

/** A PKCS#11 module as distributions and vendors install it. */
export interface KnownModule {
  readonly name: string;
  /** Absolute, or below one of the system's library folders. */
  readonly files: readonly string[];
}

/** Vendors' modules stand where their installers put them; the others in a library folder of the distribution. */
const KNOWN: readonly KnownModule[] = [
  { name: 'AWS CloudHSM', files: ['/opt/cloudhsm/lib/libcloudhsm_pkcs11.so'] },
  { name: 'Entrust nShield', files: ['/opt/nfast/toolkits/pkcs11/libcknfast.so'] },
  { name: 'Eviden Trustway Proteccio', files: ['libnethsm.so'] },
  { name: 'Fortanix DSM', files: ['/opt/fortanix/pkcs11/fortanix_pkcs11.so'] },
  { name: 'Google Cloud KMS', files: ['libkmsp11.so'] },
  { name: 'Nitrokey NetHSM', files: ['nitrokey/libnethsm_pkcs11.so', 'libnethsm_pkcs11.so'] },
  {
    name: 'openCryptoki',
    files: [
      'opencryptoki/libopencryptoki.so',
      'opencryptoki/libopencryptoki.so.0',
      'pkcs11/libopencryptoki.so',
      'pkcs11/PKCS11_API.so',
    ],
  },
  { name: 'OpenSC', files: ['opensc-pkcs11.so', 'pkcs11/opensc-pkcs11.so'] },
  { name: 'p11-kit client', files: ['pkcs11/p11-kit-client.so'] },
  { name: 'Securosys Primus', files: ['/usr/local/primus/lib/libprimusP11.so'] },
  { name: 'SoftHSM', files: ['softhsm/libsofthsm2.so', 'pkcs11/libsofthsm2.so', 'libsofthsm2.so'] },
  {
    name: 'Thales Luna',
    files: [
      '/usr/safenet/lunaclient/lib/libCryptoki2_64.so',
      '/usr/lunasa/lib/libCryptoki2_64.so',
      '/opt/safenet/lunaclient/lib/libCryptoki2_64.so',
    ],
  },
  {
    name: 'Thales ProtectServer',
    files: [
      '/opt/safenet/protecttoolkit7/ptk/lib/libcryptoki.so',
      '/opt/safenet/protecttoolkit5/ptk/lib/libcryptoki.so',
    ],
  },
  { name: 'TPM 2.0', files: ['pkcs11/libtpm2_pkcs11.so', 'libtpm2_pkcs11.so', 'libtpm2_pkcs11.so.1'] },
  {
    name: 'Utimaco',
    files: [
      '/opt/utimaco/lib/libcs_pkcs11_R3.so',
      '/opt/utimaco/p11/libcs_pkcs11_R3.so',
      'libcs_pkcs11_R3.so',
      'libcs_pkcs11_R2.so',
    ],
  },
  { name: 'YubiHSM 2', files: ['pkcs11/yubihsm_pkcs11.so', 'yubihsm_pkcs11.so'] },
  { name: 'YubiKey', files: ['libykcs11.so', 'libykcs11.so.2'] },
];

const TRIPLETS: { readonly [arch: string]: string } = {
  arm: 'arm-linux-gnueabihf',
  arm64: 'aarch64-linux-gnu',
  ppc64: 'powerpc64le-linux-gnu',
  riscv64: 'riscv64-linux-gnu',
  s390x: 's390x-linux-gnu',
  x64: 'x86_64-linux-gnu',
};

/** Debian's multiarch folder first, then Fedora's and the others'. */
function libraryFolders(): string[] {
  const triplet = TRIPLETS[process.arch];
  return [
    ...(triplet === undefined ? [] : [`/usr/lib/${triplet}`]),
    '/usr/lib64',
    '/usr/lib',
    '/usr/local/lib64',
    '/usr/local/lib',
    '/opt/homebrew/lib',
  ];
}

/** Every path at which a module may stand, with its name. */
export function usualPlaces(): { readonly name: string; readonly path: string }[] {
  const folders = libraryFolders();
  return KNOWN.flatMap(({ name, files }) =>
    files
      .flatMap((file) => (file.startsWith('/') ? [file] : folders.map((folder) => join(folder, file))))
      .map((path) => ({ name, path })),
  );
}

/** Where p11-kit looks for a module that its registry names without a folder. */
export function registeredFolders(): string[] {
  return libraryFolders().map((folder) => join(folder, 'pkcs11'));
}
