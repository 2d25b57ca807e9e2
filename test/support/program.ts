import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** A program with the arguments that come before coffer's own. */
export type Start = readonly [file: string, ...before: string[]];

const PROGRAM: Start = [fileURLToPath(new URL('../../dist/program/coffer', import.meta.url))];

/** The bundle on the Node.js that runs the tests. Other code can be loaded into it, which the program does not allow. */
export const BUNDLE: Start = [process.execPath, fileURLToPath(new URL('../../bin/coffer.cjs', import.meta.url))];

/** Whether the tests are about the bundle, and not about the compiled program. */
export const IS_BUNDLE = process.env['COFFER_TEST_PROGRAM'] === 'bundle';

/** The built coffer, as these tests start it. */
export const COFFER = IS_BUNDLE ? BUNDLE : PROGRAM;

if (!COFFER.every((file) => existsSync(file)))
  throw new Error(
    `${COFFER.join(' ')} is not built: npm run build, or COFFER_TEST_PROGRAM=bundle where Bun is not to be had`,
  );

/** A file for a folder of PATH: coffer by a name alone. */
export const COFFER_SCRIPT = `#!/bin/sh\nexec ${COFFER.map((word) => `'${word.replaceAll("'", "'\\''")}'`).join(' ')} "$@"\n`;
