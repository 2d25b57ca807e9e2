// Runs a set of commands in interleaved rounds, with runner.c.

import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { compileRunner, must } from './programs.mjs';

const MOST_OUTPUT = 64 * 1024 * 1024;

/**
 * @typedef {object} Command
 * @property {string[]} words the program and its arguments
 * @property {Record<string, string>} [env] variables of its own
 * @property {string} [before] a line for /bin/sh, run before it each time and not measured
 */

/**
 * Measures commands, by name.
 * @param {Record<string, Command>} commands
 * @returns {Record<string, {milliseconds: number[], processor: number[], megabytes: number[]}>} what each round measured, by name; `processor` is milliseconds too
 */
export function measure(commands, { rounds, folder, env }) {
  const plan = join(folder, 'plan');
  const names = Object.keys(commands);
  writeFileSync(plan, names.map((name) => `${line(commands[name])}\n`).join(''));
  const options = { env, encoding: 'utf8', maxBuffer: MOST_OUTPUT };
  const { stdout } = must(spawnSync(compileRunner(), [String(rounds), plan], options));
  const measured = Object.fromEntries(names.map((name) => [name, { milliseconds: [], processor: [], megabytes: [] }]));
  for (const [number, nanoseconds, busy, kilobytes] of stdout
    .trim()
    .split('\n')
    .map((each) => each.split(' ').map(Number))) {
    const { milliseconds, processor, megabytes } = measured[names[number]];
    milliseconds.push(nanoseconds / 1e6);
    processor.push(busy / 1e6);
    megabytes.push(kilobytes / 1024);
  }
  return measured;
}

function line({ words, env = {}, before = '' }) {
  const fields = [before, ...Object.entries(env).map(([name, value]) => `${name}=${value}`), ...words];
  const bad = fields.find((field) => /[\t\n]/.test(field));
  if (bad !== undefined) throw new Error(`a command of the bench has a tab or a line break: ${bad}`);
  return fields.join('\t');
}

export function median(list) {
  const sorted = [...list].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/** The median of what two commands cost beside each other in the same round. */
export function ratio(list, base) {
  return median(list.map((value, at) => value / base[at]));
}

/** The median of what a command costs beyond others in the same round. */
export function difference(list, others) {
  return median(list.map((value, at) => others.reduce((left, other) => left - other[at], value)));
}
