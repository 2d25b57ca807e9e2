// `npm test`: gets what is missing, then lints, type-checks, builds, checks the manual pages and runs the tests. The
// last line counts them all, each check as one. `npm test -- FILE...` builds and runs these files alone.

import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  SetupError,
  ensureBuild,
  ensureCompiler,
  ensureDependencies,
  ensureMandoc,
  ensureNode,
  root,
  run,
  say,
} from './ensure.mjs';
import { ensureModules, ensurePrograms, ensureYubiHsm } from './modules.mjs';
import { ensureSoftHsm } from './softhsm.mjs';

const given = process.argv.slice(2);
/** The one module of `npm run test:nss` and the like. */
const module = given.find((name) => existsSync(join(root, moduleTest(name))));
/** `npm run test:bundle`: what runs the program runs the bundle in its place. */
const bundle = given[0] === 'bundle';
/** Of tests; none for all. */
const files = filesOf(given);
const count = { passed: 0, failed: 0, skipped: 0 };

try {
  ensureNode();
  await ensureDependencies();
  ensureCompiler();
  ensurePrograms();
  const softHsm = ensureSoftHsm();
  if (module === 'yubihsm') ensureYubiHsm();
  else if (module !== undefined || bundle || files.length === 0) ensureModules(module);
  if (files.length === 0) {
    checkSources();
    checkManual();
  } else {
    ensureBuild();
  }
  runTests(softHsm);
  if (files.length === 0) check('tests within a compiled program', () => runCompiled(softHsm));
} catch (error) {
  // Nothing that follows can be trusted without what was to be set up.
  if (!(error instanceof SetupError)) throw error;
  say(error.message);
  count.failed += 1;
}
const skipped = count.skipped === 0 ? '' : `, ${count.skipped} skipped`;
console.log(`${count.passed} passed, ${count.failed} failed${skipped}`);
process.exitCode = count.failed === 0 ? 0 : 1;

function checkSources() {
  check('type-check', () => run('npx', ['--no-install', 'tsc', '--noEmit']));
  check('lint', () => run('npm', ['run', '--silent', 'lint:code']));
  check('formatter', () => run('npm', ['run', '--silent', 'lint:format']));
  check('one-way imports', () => run('npm', ['run', '--silent', 'lint:imports']));
  check('build', () => {
    ensureBuild();
    return true;
  });
}

function check(name, passes) {
  let passed = false;
  try {
    passed = passes();
  } catch (error) {
    if (!(error instanceof SetupError)) throw error;
    say(error.message);
  }
  count[passed ? 'passed' : 'failed'] += 1;
  console.log(`${passed ? 'ok' : 'FAILED'}: ${name}`);
}

function checkManual() {
  const manual = join(root, 'man');
  const pages = readdirSync(manual).filter((name) => /\.[1-9]$/.test(name));
  const mandoc = pages.length === 0 ? null : ensureMandoc();
  if (mandoc === null) {
    count.skipped += 1;
    console.log(`skipped: manual pages (${pages.length === 0 ? 'there are none yet' : 'no mandoc'})`);
    return;
  }
  check('manual pages', () => run(mandoc, ['-Tlint', '-Wwarning', ...pages.map((page) => join(manual, page))]));
}

function filesOf(names) {
  if (module !== undefined) return [moduleTest(module)];
  return bundle ? ['test/scenarios/', 'test/conformance/'] : names;
}

function moduleTest(name) {
  return `test/conformance/${name}.test.ts`;
}

function runTests(softHsm) {
  const folder = mkdtempSync(join(tmpdir(), 'coffer-test-'));
  const report = join(folder, 'report.json');
  const env = testEnvironment(softHsm);
  const args = ['run', '--config', 'test/vitest.config.ts', '--reporter=default', '--reporter=json', ...files];
  const passed = run('npx', ['--no-install', 'vitest', ...args, `--outputFile.json=${report}`], { env });
  const before = count.failed;
  try {
    addReport(JSON.parse(readFileSync(report, 'utf8')));
  } catch (error) {
    say(`vitest left no report: ${error.message}`);
  }
  // A fault outside every test, such as an error that nothing caught.
  if (!passed && count.failed === before) count.failed += 1;
  rmSync(folder, { recursive: true });
}

function runCompiled(softHsm) {
  return run(process.execPath, [join(root, 'test/compiled/run.mjs')], { env: testEnvironment(softHsm) });
}

function testEnvironment({ module: lib, libraryPath }) {
  const env = { ...process.env, COFFER_TEST_SOFTHSM: lib, COFFER_TEST_MODULE: module ?? '' };
  if (bundle) env.COFFER_TEST_PROGRAM = 'bundle';
  return libraryPath === null ? env : { ...env, LD_LIBRARY_PATH: libraryPath };
}

function addReport({ numPassedTests, numFailedTests, numPendingTests, numTodoTests, testResults }) {
  count.passed += numPassedTests;
  count.failed += numFailedTests;
  count.skipped += numPendingTests + numTodoTests;
  const tests = testResults.flatMap(({ assertionResults }) => assertionResults);
  for (const { fullName, status } of tests) {
    if (status === 'skipped' || status === 'pending') console.log(`skipped: ${fullName}`);
  }
  // A file that cannot even be loaded fails without a single test of its own.
  const unloaded = testResults.filter(
    ({ status, assertionResults }) => status === 'failed' && assertionResults.length === 0,
  );
  count.failed += unloaded.length;
  for (const { name, message } of unloaded) console.log(`FAILED: ${name}: ${firstLine(message)}`);
  for (const { fullName, status, failureMessages } of tests) {
    if (status === 'failed') console.log(`FAILED: ${fullName}: ${firstLine(failureMessages[0])}`);
  }
}

function firstLine(text = '') {
  return text.split('\n', 1)[0];
}
