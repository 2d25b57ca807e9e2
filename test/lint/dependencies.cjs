// Which folder of src and of test may import which, and which package is used where. A type-only import counts as an import.

const ENTRIES = '^src/(main|program)\\.ts$';
const ROOT_MODULES = '^src/[^/]+\\.ts$';
const TYPES_OF_ENTROPY = '^src/entropy/(index|types|entropy)\\.ts$';
const CONFIG_TYPES = '^src/config/types\\.ts$';

/** For each folder: what may be imported as it likes, and what may be imported for its types only. */
const allowed = {
  cli: { imports: ['core', 'config', 'native'] },
  core: { imports: ['native', 'engines', 'barrier', 'tree', 'seal', 'storage', 'entropy', 'config', 'pkcs11'] },
  engines: { imports: [], types: ['^src/barrier/', TYPES_OF_ENTROPY] },
  barrier: { imports: ['tree', 'storage'], types: [TYPES_OF_ENTROPY] },
  seal: { imports: ['pkcs11', 'entropy'], types: [CONFIG_TYPES] },
  pkcs11: { imports: ['native'], types: [CONFIG_TYPES] },
  entropy: { imports: [] },
  tree: { imports: ['storage'] },
  storage: { imports: [], types: [CONFIG_TYPES] },
  config: { imports: ['native'] },
  native: { imports: [] },
};

/** The only places that may import a package. */
const packages = {
  commander: ['cli'],
  inquirer: ['cli'],
  '@inquirer/prompts': ['cli'],
  chalk: ['cli'],
  'string-width': ['cli'],
  dotenv: ['cli'],
  'hcl2-parser': ['config'],
  pkcs11js: ['pkcs11'],
  'better-sqlite3': ['storage'],
  'shamir-secret-sharing': ['seal'],
  '@noble/ciphers': ['engines'],
  '@noble/curves': ['engines'],
};

/** Packages that any folder of src may import. */
const everywhere = ['lossless-json', 'yaml'];

const folder = (name) => `^src/${name}/`;
const error = (name, comment, from, to) => ({ name, comment, severity: 'error', from, to });

const betweenFolders = Object.entries(allowed).flatMap(([name, { imports, types = [] }]) => {
  const always = [
    ROOT_MODULES.replace('[^/]+', '(?!(?:main|program)\\.ts$)[^/]+'),
    folder(name),
    ...imports.map(folder),
  ];
  const from = { path: folder(name) };
  return [
    error(`${name}-imports`, `src/${name} imports what is not below it`, from, {
      path: '^src/',
      pathNot: [...always, ...types],
    }),
    ...(types.length === 0
      ? []
      : [
          error(`${name}-imports-types`, `src/${name} may import this for its types only`, from, {
            path: types,
            pathNot: always,
            dependencyTypesNot: ['type-only'],
          }),
        ]),
  ];
});

/** Of test: what each folder may import besides src and itself. Helpers of several folders are in test/support. */
const allowedInTest = {
  unit: ['support'],
  scenarios: ['support'],
  conformance: ['support'],
  campaign: ['support'],
  support: [],
  setup: ['support'],
  lint: [],
  bench: ['setup', 'support'],
  compiled: [],
  package: ['setup'],
};

const inTest = (name) => `^test/${name}/`;

const betweenTests = Object.entries(allowedInTest).flatMap(([name, imports]) => [
  error(
    `test-${name}-imports`,
    `test/${name} imports another folder's tests or their helpers`,
    { path: inTest(name) },
    {
      path: '^test/',
      pathNot: [name, ...imports].map(inTest),
    },
  ),
]);

const ofPackages = Object.entries(packages).map(([name, folders]) =>
  error(
    `${name}-only-in-${folders.join('-or-')}`,
    `${name} is imported only in ${folders.map((each) => `src/${each}`).join(' and ')}`,
    { path: '^src/', pathNot: folders.map(folder) },
    { path: `(^|node_modules/)${name}(/|$)` },
  ),
);

module.exports = {
  forbidden: [
    error(
      'main-imports',
      'an entry imports only cli and modules directly in src',
      { path: ENTRIES },
      {
        path: '^src/',
        pathNot: [folder('cli'), ROOT_MODULES],
      },
    ),
    error(
      'root-modules-import',
      'a module directly in src imports only its like',
      {
        path: ROOT_MODULES,
        pathNot: ENTRIES,
      },
      { path: '^src/', pathNot: ROOT_MODULES },
    ),
    error('nothing-imports-main', 'nothing imports an entry', { path: '^src/' }, { path: ENTRIES }),
    error(
      'unknown-folder',
      'a new folder in src needs its line in this file',
      {
        path: '^src/[^/]+/',
        pathNot: Object.keys(allowed).map(folder),
      },
      {},
    ),
    ...betweenFolders,
    error('nothing-imports-test', 'what runs imports nothing of test', { path: '^src/' }, { path: '^test/' }),
    error(
      'unknown-folder-of-test',
      'a new folder in test needs its line in this file',
      {
        path: '^test/[^/]+/',
        pathNot: Object.keys(allowedInTest).map(inTest),
      },
      {},
    ),
    error('nothing-imports-a-test', 'what two tests share is a module without tests', {}, { path: '\\.test\\.ts$' }),
    ...betweenTests,
    ...ofPackages,
    error('no-circular', 'imports go round in a circle', {}, { circular: true }),
    error(
      'no-orphans',
      'nothing imports this and it imports nothing',
      {
        orphan: true,
        path: '^src/',
        pathNot: ['\\.d\\.ts$', ENTRIES],
      },
      {},
    ),
    // What src imports is compiled into the program and the bundle, so that package.json has no other dependencies.
    error(
      'unknown-package',
      'a new package of src needs its line in this file',
      { path: '^src/' },
      {
        path: 'node_modules/',
        pathNot: `node_modules/(@types/|(${[...Object.keys(packages), ...everywhere].join('|')})/)`,
      },
    ),
    error(
      'resolvable',
      'the import leads nowhere',
      { path: '^src/' },
      {
        couldNotResolve: true,
      },
    ),
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    // Reads the sources as they are, type-only imports included, and does not compile them.
    tsPreCompilationDeps: true,
    detectProcessBuiltinModuleCalls: true,
    combinedDependencies: false,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'require', 'node', 'default', 'types'],
      extensions: ['.ts', '.js', '.d.ts'],
    },
  },
};
