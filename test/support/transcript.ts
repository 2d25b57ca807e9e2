/**
 * Scenario tests that read like a session at a terminal:
 *
 *     # What it shows, in as many lines as that takes.
 *     # token: demo pin=1234
 *
 *     $ coffer kv get secret/none
 *     2> error: No value found at secret/none
 *     [exit 2]
 *
 *     -- coffer.hcl --
 *     seal "pkcs11" { ...
 *
 * - `$ ` is a line for /bin/sh, started in a folder of the scenario's own; `> ` continues it. `vault` is coffer too.
 * - What follows is its stdout. `2> ` begins a line of stderr; the two streams are compared one by one. `[no newline]`
 *   says that stdout does not end with one; `[exit N]` is the exit status where it is not 0.
 * - Varying parts: <uuid> <accessor> <time> <base64> <hex> <number>, <...> for anything within a line, and a line `...`
 *   for any number of lines. <dir> and <lib> stand for the scenario's folder and its PKCS#11 module, in files too.
 *   In a line with a varying part any two or more blanks are as good as any other.
 * - `-- name --` begins an input file, which ends at the next one. Without a coffer.hcl the scenario gets the one of
 *   `configuration` in store.ts.
 * - The header may say `# token: LABEL pin=PIN`, `# fault: NAME` (test/shim/shim.c), `# shim: yes` (log the calls),
 *   `# entropy: no`, `# store: unsealed` (initialised and unsealed beforehand), and `# server: yes`: a server that answers as Vault does
 *   has what the file server.json says (test/support/vault-server.ts), the variables of its client name it, and <server> is its address.
 *
 * COFFER_TRANSCRIPTS=write puts what a command printed in the place of what differs, to be read before it is kept.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { makeStand, type Outcome, type Stand, type StandOptions } from './store.ts';
import { type ServerContents, startVaultServer, type VaultServer } from './vault-server.ts';

export interface Transcript {
  /** What the scenario shows: its first line. */
  readonly title: string;
  readonly header: ReadonlyMap<string, string>;
  readonly blocks: readonly Block[];
  readonly files: readonly { readonly name: string; readonly content: string }[];
  /** The text from the first input file on. */
  readonly archive: string;
}

/** A command with its output, or (without a command) lines of comment. */
interface Block {
  readonly command: string | null;
  /** The lines before the output, as they stand in the file. */
  readonly head: readonly string[];
  readonly stdout: readonly string[];
  readonly stderr: readonly string[];
  /** `[no newline]` and `[exit N]`. */
  readonly ending: readonly string[];
  /** Blank lines that follow. */
  readonly gap: number;
}

const HEADER = /^# (token|fault|shim|entropy|store|server): (.*)$/;
const FILE = /^-- (\S+) --$/;

export function parseTranscript(text: string): Transcript {
  const lines = text.split('\n');
  const firstFile = lines.findIndex((line) => FILE.test(line));
  const session = firstFile === -1 ? lines : lines.slice(0, firstFile);
  const archive = firstFile === -1 ? [] : lines.slice(firstFile);
  const header = new Map<string, string>();
  for (const line of session) {
    const [, name, value] = HEADER.exec(line) ?? [];
    if (name !== undefined && value !== undefined) header.set(name, value);
  }
  return {
    title: session[0]?.replace(/^# /, '') ?? '',
    header,
    blocks: blocksOf(session),
    files: filesOf(archive),
    archive: archive.join('\n'),
  };
}

function blocksOf(session: readonly string[]): Block[] {
  const starts = session.flatMap((line, at) =>
    line.startsWith('$ ') || (line.startsWith('#') && session[at - 1]?.startsWith('#') !== true) ? [at] : [],
  );
  if (session.slice(0, starts[0]).some((line) => line !== ''))
    throw new Error('a transcript begins with a comment or a command');
  return starts.map((start, at) => block(session.slice(start, starts[at + 1])));
}

function block(lines: readonly string[]): Block {
  const used = lines.length - [...lines].reverse().findIndex((line) => line !== '');
  const first = lines[0] ?? '';
  const kind = first.startsWith('#') ? '#' : '> ';
  const after = lines.findIndex((line, at) => at > 0 && !line.startsWith(kind));
  const head = lines.slice(0, after === -1 || after > used ? used : after);
  const body = lines.slice(head.length, used);
  if (kind === '#' && body.length > 0) throw new Error(`not a command, and no comment: ${body[0] ?? ''}`);
  const isEnding = (line: string): boolean => /^\[(no newline|exit \d+|signal \w+)\]$/.test(line);
  return {
    command: kind === '#' ? null : head.map((line) => line.slice(2)).join('\n'),
    head,
    stdout: body.filter((line) => !isEnding(line) && !/^2>( |$)/.test(line)),
    stderr: body.filter((line) => /^2>( |$)/.test(line)),
    ending: body.filter(isEnding),
    gap: lines.length - used,
  };
}

function filesOf(archive: readonly string[]): { name: string; content: string }[] {
  const starts = archive.flatMap((line, at) => (FILE.test(line) ? [at] : []));
  return starts.map((start, at) => {
    const content = archive.slice(start + 1, starts[at + 1]).join('\n');
    return {
      name: FILE.exec(archive[start] ?? '')?.[1] ?? '',
      content: at === starts.length - 1 ? content : `${content}\n`,
    };
  });
}

/**
 * Runs a transcript on a stand of its own. Gives what it says and what happened, as two texts that are equal when
 * they agree; the commands after the first that differs are not run.
 */
export async function runTranscript(file: string): Promise<{ expected: string; actual: string }> {
  const text = readFileSync(file, 'utf8');
  const transcript = parseTranscript(text);
  const write = process.env['COFFER_TRANSCRIPTS'] === 'write';
  const stand = makeStand(standOptions(transcript.header));
  const server = await startServer(transcript);
  try {
    for (const { name, content } of transcript.files) stand.write(name, substitute(content, stand));
    if (transcript.header.get('store') === 'unsealed') stand.open();
    const actual: string[] = [];
    for (const [at, block] of transcript.blocks.entries()) {
      const happened =
        block.command === null
          ? block
          : agree(block, observe(block, await stand.shell(block.command, server?.env), { ...stand, server }));
      actual.push(...print(happened, write));
      if (!write && print(happened, false).join('\n') !== print(block, false).join('\n')) {
        actual.push(...transcript.blocks.slice(at + 1).flatMap((rest) => print(rest, false)));
        break;
      }
    }
    if (write) writeFileSync(file, actual.join('\n') + (transcript.archive === '' ? '' : `\n${transcript.archive}`));
    const expected = write ? actual : transcript.blocks.flatMap((block) => print(block, false));
    return { expected: expected.join('\n'), actual: actual.join('\n') };
  } finally {
    stand.remove();
    await server?.close();
  }
}

async function startServer({ header, files }: Transcript): Promise<VaultServer | null> {
  if (header.get('server') !== 'yes') return null;
  const contents = files.find(({ name }) => name === 'server.json')?.content ?? '{"mounts": {}}';
  return startVaultServer(JSON.parse(contents) as ServerContents);
}

function standOptions(header: ReadonlyMap<string, string>): StandOptions {
  const token = header.get('token');
  const [, label, pin] = token === undefined ? [] : (/^(.+) pin=(\S+)$/.exec(token) ?? [undefined, token]);
  const fault = header.get('fault');
  return {
    ...(label === undefined ? {} : { label }),
    ...(pin === undefined ? {} : { pin }),
    faults: fault === undefined ? [] : [fault],
    shim: header.get('shim') === 'yes',
    entropy: header.get('entropy') !== 'no',
  };
}

function substitute(text: string, { dir, lib }: Stand): string {
  return text.replaceAll('<dir>', dir).replaceAll('<lib>', lib);
}

function observe(
  { command, head, gap }: Block,
  { stdout, stderr, status, signal }: Outcome,
  { dir, lib, server }: Pick<Stand, 'dir' | 'lib'> & { readonly server: VaultServer | null },
): Block {
  const shown = (output: string): string => (server === null ? output : output.replaceAll(server.url, '<server>'));
  const lines = (output: string): string[] =>
    output === '' ? [] : shown(output).replace(/\n$/, '').replaceAll(lib, '<lib>').replaceAll(dir, '<dir>').split('\n');
  const ending = [
    ...(stdout === '' || stdout.endsWith('\n') ? [] : ['[no newline]']),
    ...(signal === null ? [] : [`[signal ${signal}]`]),
    ...(status === 0 || status === null ? [] : [`[exit ${status}]`]),
  ];
  return {
    command,
    head,
    gap,
    stdout: lines(stdout),
    stderr: lines(stderr).map((line) => `2> ${line}`.trimEnd()),
    ending,
  };
}

/** What happened, in the words of what was expected wherever the two agree. */
function agree(expected: Block, actual: Block): Block {
  return {
    ...actual,
    stdout: agreeLines(expected.stdout, actual.stdout),
    stderr: agreeLines(expected.stderr, actual.stderr),
  };
}

function agreeLines(expected: readonly string[], actual: readonly string[]): readonly string[] {
  if (matchesAll(expected, actual)) return expected;
  return actual.map((line, at) => {
    const wanted = expected[at];
    return wanted !== undefined && matches(wanted, line) ? wanted : line;
  });
}

function matchesAll(expected: readonly string[], actual: readonly string[]): boolean {
  const [first, ...rest] = expected;
  if (first === undefined) return actual.length === 0;
  if (/^(2> )?\.\.\.$/.test(first))
    return actual.some((_, at) => matchesAll(rest, actual.slice(at))) || matchesAll(rest, []);
  return actual[0] !== undefined && matches(first, actual[0]) && matchesAll(rest, actual.slice(1));
}

const PLACEHOLDERS: ReadonlyMap<string, string> = new Map([
  ['uuid', '[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}'],
  ['accessor', '[a-z]+_[0-9a-f]{8}'],
  ['time', '\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d(?:\\.\\d+)?Z'],
  ['base64', '[A-Za-z0-9+/]+={0,2}'],
  ['hex', '[0-9a-f]+'],
  ['number', '\\d+'],
  ['...', '.*'],
]);

function matches(expected: string, actual: string): boolean {
  const parts = expected.split(/(<(?:uuid|accessor|time|base64|hex|number|\.\.\.)>)/);
  if (parts.length === 1) return expected === actual;
  const pattern = parts
    .map((part, at) => (at % 2 === 1 ? (PLACEHOLDERS.get(part.slice(1, -1)) ?? '') : literal(part)))
    .join('');
  return new RegExp(`^${pattern}$`).test(actual);
}

function literal(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&').replace(/ {2,}/g, ' {2,}');
}

function print({ command, head, stdout, stderr, ending, gap }: Block, generalised: boolean): string[] {
  const output = [...stdout, ...stderr];
  const shown = generalised && command !== null ? output.map(generalise) : output;
  return [...head, ...shown, ...ending, ...Array.from({ length: gap }, () => '')];
}

function generalise(line: string): string {
  return line
    .replace(/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/g, '<uuid>')
    .replace(/\bkv_[0-9a-f]{8}\b/g, '<accessor>')
    .replace(/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z/g, '<time>')
    .replace(/\b[A-Za-z0-9+/]{43,44}=?(?![A-Za-z0-9+/=])/g, '<base64>');
}
