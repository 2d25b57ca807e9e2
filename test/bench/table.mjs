import { cpus, loadavg, machine } from 'node:os';
import { difference, median, ratio } from './measure.mjs';

/** What is compared with what, what it may cost at most, and what stands in the way where it costs more. */
const COLD_CODE = "coffer's own code, which runs once and without a compiler; the start of the runtime; loading SQLite";
const TARGETS = [
  { what: 'executable kv get / node -e 0', of: 'kv get', to: 'node -e 0', target: 0.4, cost: COLD_CODE },
  { what: 'executable seal-status / node -e 0', of: 'seal-status', to: 'node -e 0', target: 0.25, cost: COLD_CODE },
  { what: 'executable version / node -e 0', of: 'version', to: 'node -e 0', target: 0.18, cost: COLD_CODE },
  { what: 'executable kv get / bare compiled program', of: 'kv get', to: 'bare program', target: 1.3, cost: COLD_CODE },
  {
    what: 'bundle kv get / node -e 0, both on the Node here',
    of: 'kv get, bundle',
    to: 'node -e 0, here',
    target: 2.2,
    cost: 'the whole bundle is evaluated, and node:crypto with it, which is 5 ms of it',
  },
  {
    what: 'first kv get after a change of the configuration / later',
    of: 'kv get, changed',
    to: 'kv get',
    target: 3,
    cost: "hcl2-parser's start is two thirds of it",
  },
  { what: 'peak memory: executable kv get / node -e 0', of: 'kv get', to: 'node -e 0', by: 'megabytes', target: 1.5 },
  { what: 'kv get at SECRETS secrets / at 10', of: 'kv get, many', to: 'kv get, few', target: 1.1 },
  { what: 'kv put at SECRETS secrets / at 10', of: 'kv put, many', to: 'kv put, few', target: 1.1 },
  {
    what: 'executable kv get / node -e 0, page cache dropped',
    of: 'kv get, cold',
    to: 'node -e 0, cold',
    target: null,
  },
];

/** What one command costs beyond others, in milliseconds. */
const DIFFERENCES = [
  { what: 'run before its command starts, beyond kv get (ms)', of: 'run true', less: ['kv get', 'true'], target: 2 },
];

/** The ratios and differences, with the targets beside them. */
export function printTargets(measured, { version, rounds, secrets }) {
  console.log(`
Medians of pairs, ${rounds} interleaved rounds. SoftHSM2 by file, plain mount: one C_Decrypt of the root key and one HMAC.
node -e 0 is Node.js ${version}; the bundle runs on ${process.version}. ${machine()}, ${cpus().length} processors, load ${loadavg()[0].toFixed(1)} at the end.
The time is the clock's; beside it the same by the processors' time, which other work on the machine disturbs less.
`);
  console.log(row('what', 'measured', 'by CPU', 'target', ''));
  for (const { what, of, to, by = 'milliseconds', target, cost = 'not known' } of TARGETS) {
    if (measured[of] === undefined) continue;
    const value = ratio(measured[of][by], measured[to][by]);
    const busy = by === 'milliseconds' ? ratio(measured[of].processor, measured[to].processor).toFixed(2) : '-';
    const verdict = target === null ? '' : value <= target ? 'met' : `missed: ${cost}`;
    console.log(row(what.replace('SECRETS', secrets), value.toFixed(2), busy, target?.toFixed(2) ?? '-', verdict));
  }
  for (const { what, of, less, target } of DIFFERENCES) {
    if (measured[of] === undefined) continue;
    const [value, busy] = ['milliseconds', 'processor'].map((by) =>
      difference(
        measured[of][by],
        less.map((name) => measured[name][by]),
      ),
    );
    console.log(
      row(what, value.toFixed(2), busy.toFixed(2), target.toFixed(2), value <= target ? 'met' : 'missed: not known'),
    );
  }
}

/** What every command of a set took, and that beside `node -e 0` and `coffer kv get` where they are in the set. */
export function printMeasured(set) {
  const bases = ['node -e 0', 'kv get'].filter((name) => set[name] !== undefined);
  console.log(`\n${line('command', 'ms', 'fastest', 'CPU', 'MB', ...bases.map((name) => `/ ${name}`))}`);
  for (const [name, { milliseconds, processor, megabytes }] of Object.entries(set)) {
    const figures = [median(milliseconds), Math.min(...milliseconds), median(processor), median(megabytes)];
    const ratios = bases.map((base) => ratio(milliseconds, set[base].milliseconds).toFixed(2));
    console.log(line(name, ...figures.map((each) => each.toFixed(1)), ...ratios));
  }
}

function row(what, value, busy, target, verdict) {
  return `${what.padEnd(60)} ${value.padStart(8)} ${busy.padStart(7)} ${target.padStart(7)}  ${verdict}`.trimEnd();
}

function line(name, ...figures) {
  return name.padEnd(24) + figures.map((figure) => figure.padStart(12)).join('');
}
