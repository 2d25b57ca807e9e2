// What .ci/run runs: each script of tests, one after the other. The last lines say again what failed, and sum all up.

import { spawn } from 'node:child_process';
import { root } from './ensure.mjs';

const SCRIPTS = process.argv.length > 2 ? process.argv.slice(2) : ['test', 'test:bundle', 'test:npm', 'test:package'];
const SUMMARY = /^(\d+) passed, (\d+) failed(?:, (\d+) skipped)?$/;

const total = { passed: 0, failed: 0, skipped: 0 };
const times = [];
const failures = [];
for (const script of SCRIPTS) {
  const start = performance.now();
  const { status, lines } = await show(script);
  const found = SUMMARY.exec(lines.at(-1) ?? '');
  const [passed, failed, skipped] = (found ?? ['', 0, 0, 0]).slice(1).map((count) => Number(count ?? 0));
  total.passed += passed;
  // A script that died has no summary, or one that it does not agree with.
  total.failed += failed === 0 && (found === null || status !== 0) ? 1 : failed;
  total.skipped += skipped;
  failures.push(...lines.filter((line) => line.startsWith('FAILED: ')).map((line) => `${script}: ${line}`));
  times.push(`${script} ${Math.round((performance.now() - start) / 1000)} s`);
}
for (const failure of failures) console.log(failure);
console.log(`time: ${times.join(', ')}`);
console.log(`${total.passed} passed, ${total.failed} failed${total.skipped === 0 ? '' : `, ${total.skipped} skipped`}`);
process.exitCode = total.failed === 0 ? 0 : 1;

/** Runs a script of package.json with its output shown. Returns its exit status and its lines. */
function show(script) {
  const child = spawn('npm', ['run', '--silent', script], { cwd: root, stdio: ['ignore', 'pipe', 'inherit'] });
  let text = '';
  child.stdout.setEncoding('utf8').on('data', (chunk) => {
    process.stdout.write(chunk);
    text += chunk;
  });
  return new Promise((resolve) => {
    child.on('error', () => resolve({ status: 1, lines: [] }));
    child.on('close', (status) => resolve({ status, lines: text.trimEnd().split('\n') }));
  });
}
