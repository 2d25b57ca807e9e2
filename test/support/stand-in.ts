import { fileURLToPath } from 'node:url';

const src = fileURLToPath(new URL('../../src/', import.meta.url));

/** The source of a stand-in for src/main.ts that shows what the build and the launcher did to it. */
export const STAND_IN = `
  import { createRequire } from 'node:module';
  import { start as startReal } from '${src}cli/start.ts';
  import { givenEnvironment, givenStart } from '${src}native/environment.ts';
  import { loadGuard } from '${src}native/guard.ts';
  export { main };
  export const start = (argv) => startReal(argv, main);
  async function main(argv) {
    switch (argv[0]) {
      case 'url': console.log(import.meta.url); return 0;
      case 'status': return Number(argv[1]);
      case 'never': return new Promise(() => undefined);
      case 'throw': throw new Error('broken');
      case 'loaded': console.log(Object.keys(createRequire(import.meta.url).cache).filter((path) => /\\.node$|prompts|hcl2/.test(path)).length); return 0;
      case 'sqlite': { const { default: Database } = await import('better-sqlite3'); new Database(':memory:').close(); return 0; }
      case 'pkcs11': { const { default: pkcs11js } = await import('pkcs11js'); new pkcs11js.PKCS11(); return 0; }
      case 'prompts': { const { password } = await import('@inquirer/prompts'); console.log(typeof password); return 0; }
      case 'given': console.log(JSON.stringify(givenEnvironment())); return 0;
      case 'give-back': { const { variables, state } = givenStart(loadGuard()); loadGuard().exec('/bin/cat', ['cat', '/proc/self/environ'], variables.map((one) => Buffer.from(one, 'latin1')), [], state); }
    }
    return 1;
  }
`;
