import { type File, startTests, type Suite, type Test, type VitestRunner } from '@vitest/runner';
import { getTests } from '@vitest/runner/utils';

/** The test files that are in the program, by their path in the repository. */
export type TestFiles = Readonly<Record<string, () => Promise<unknown>>>;

/**
 * Runs one test file, prints what failed and why, then a line of JSON with the counts for the process that started this one.
 * @param node what tests start as `process.execPath`; the program itself runs no script
 */
export async function runTestFile(files: TestFiles, name: string, node: string): Promise<void> {
  // A promise that never settles ends the process too, and is no success.
  process.exitCode = 1;
  process.execPath = node;
  const runner: VitestRunner = {
    config: CONFIG,
    importFile: () => files[name]?.() ?? Promise.reject(new Error(`${name} is not in the program`)),
  };
  const [file] = await startTests([name], runner);
  if (file === undefined) throw new Error(`${name} was not run`);
  const counts = { passed: 0, failed: 0, skipped: 0 };
  for (const test of getTests(file)) counts[outcomeOf(test)]++;
  const failures = failuresOf(file);
  // A hook that fails has its tests skipped.
  if (counts.failed === 0 && failures.length > 0) counts.failed = failures.length;
  for (const failure of failures) console.log(failure);
  console.log(JSON.stringify(counts));
  process.exitCode = counts.failed === 0 && counts.passed + counts.skipped > 0 ? 0 : 1;
  process.exit();
}

const CONFIG: VitestRunner['config'] = {
  root: process.cwd(),
  setupFiles: [],
  name: undefined,
  passWithNoTests: false,
  testNamePattern: undefined,
  allowOnly: false,
  sequence: { seed: 0, hooks: 'stack', setupFiles: 'list' },
  chaiConfig: undefined,
  maxConcurrency: 1,
  testTimeout: 90_000,
  hookTimeout: 60_000,
  retry: 0,
  includeTaskLocation: undefined,
  tags: [],
  tagsFilter: undefined,
  strictTags: false,
};

function outcomeOf({ mode, result }: Test): 'passed' | 'failed' | 'skipped' {
  if (result?.state === 'pass') return 'passed';
  return result?.state === 'skip' || (result === undefined && (mode === 'skip' || mode === 'todo'))
    ? 'skipped'
    : 'failed';
}

function failuresOf(task: File | Suite | Test): string[] {
  const own = (task.result?.errors ?? []).map((error) => `FAILED: ${nameOf(task)}\n${error.stack ?? error.message}`);
  return task.type === 'suite' ? [...own, ...task.tasks.flatMap(failuresOf)] : own;
}

function nameOf(task: File | Suite | Test): string {
  return task.suite === undefined ? task.name : `${nameOf(task.suite)} > ${task.name}`;
}
