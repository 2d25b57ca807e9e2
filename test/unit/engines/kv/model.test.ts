import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  type Context,
  enableMount,
  enableVersioning,
  type Mounts,
  type Operation,
  withMounts,
} from '../../../../src/core/index.ts';
import { CofferError } from '../../../../src/errors.ts';
import { type JsonObject, parseJson } from '../../../../src/json.ts';
import { contextOf, makeStand, readRows, type Stand } from '../../../support/store.ts';
import {
  type Cas,
  type Command,
  type Duration,
  DURATIONS,
  Model1,
  Model2,
  normal,
  type Outcome,
  parsed,
  time,
} from './model.ts';

/** COFFER_CAMPAIGN=1 looks longer. */
const CAMPAIGN = process.env['COFFER_CAMPAIGN'] === '1';
const RUNS = CAMPAIGN ? 400 : 16;
/** Ends what hangs; no measure of how long so much work may take. */
const LIMIT = CAMPAIGN ? 7_200_000 : 900_000;

let stand: Stand;

/** Rows of mounts: how many nodes the tree has follows from them. */
const rowCount = (): number => readRows(stand.path).filter(({ path }) => path.startsWith('data/')).length;
let context: Context;
let mounts = 0;

beforeAll(async () => {
  stand = makeStand();
  stand.open();
  context = await contextOf(stand);
});
afterAll(() => stand.remove());

/** What is done in one transaction, and how far the clock moves before it. */
interface Transaction {
  readonly step: number;
  readonly commands: readonly Command[];
}

const NAMES = ['a', 'b', 'a b', 'ключ', '1', 'config', '\u{1F511}', 'é', 'e\u0301', '%2F', '...', '__proto__'];
const path = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom('a', 'a/b', 'a/b/1', 'a b') },
  {
    weight: 2,
    arbitrary: fc.array(fc.constantFrom(...NAMES), { minLength: 1, maxLength: 3 }).map((names) => names.join('/')),
  },
);
const folder = fc.oneof(fc.constant(''), path);

const leaf = fc.oneof(
  fc.constantFrom('null', 'true', '12345678901234567890', '1e400', '-0', '1.10', '[]', '[1,{"a":null}]'),
  fc.string({ unit: 'binary', maxLength: 6 }).map((text) => JSON.stringify(text)),
);
const key = fc.constantFrom('a', 'b', '', 'ü', '__proto__', 'constructor', 'a b');
const { object } = fc.letrec<{ value: string; object: string }>((tie) => ({
  value: fc.oneof({ maxDepth: 3, withCrossShrink: true }, leaf, tie('object')),
  object: fc
    .uniqueArray(fc.tuple(key, tie('value')), { selector: ([name]) => name, maxLength: 4 })
    .map((members) => `{${members.map(([name, value]) => `${JSON.stringify(name)}:${value}`).join(',')}}`),
}));

const cas: fc.Arbitrary<Cas> = fc.oneof(
  { weight: 3, arbitrary: fc.constant(null) },
  { weight: 2, arbitrary: fc.constant(0) },
  fc.constantFrom(-1, 1),
);
const versions = fc.array(fc.integer({ min: 1, max: 6 }), { minLength: 1, maxLength: 3 });
const mountSettings = {
  max_versions: fc.integer({ min: 0, max: 4 }),
  cas_required: fc.oneof({ weight: 3, arbitrary: fc.constant(false) }, fc.constant(true)),
  delete_version_after: fc.constantFrom(...(Object.keys(DURATIONS) as Duration[])),
};
const secretSettings = {
  ...mountSettings,
  custom_metadata: fc.dictionary(
    fc.constantFrom('owner', 'ü', 'constructor'),
    fc.option(fc.constantFrom('ada', 'x y')),
    { noNullPrototype: true },
  ),
};

const write = fc.record({ kind: fc.constant('write' as const), path, content: object, cas });
const read = fc.record({ kind: fc.constant('read' as const), path, version: fc.integer({ min: 0, max: 6 }) });
const remove = fc.record({ kind: fc.constant('delete-newest' as const), path });
const list = fc.record({ kind: fc.constant('list' as const), path: folder });

const command2: fc.Arbitrary<Command> = fc.oneof(
  { weight: 8, arbitrary: write },
  { weight: 5, arbitrary: read },
  { weight: 2, arbitrary: remove },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('patch' as const), path, content: object, cas }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constantFrom('delete', 'undelete', 'destroy'), path, versions }) },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constantFrom('metadata-write', 'metadata-patch'),
      path,
      settings: fc.record(secretSettings, { requiredKeys: [] }),
    }),
  },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('metadata-read' as const), path }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('delete-all' as const), path }) },
  { weight: 2, arbitrary: list },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('config-write' as const),
      settings: fc.record(mountSettings, { requiredKeys: [] }),
    }),
  },
  { weight: 1, arbitrary: fc.constant({ kind: 'config-read' as const }) },
);
const command1: fc.Arbitrary<Command> = fc.oneof(
  { weight: 4, arbitrary: write },
  { weight: 3, arbitrary: read },
  { weight: 2, arbitrary: remove },
  { weight: 2, arbitrary: list },
);

function transactions(command: fc.Arbitrary<Command>): fc.Arbitrary<Transaction[]> {
  const commands = fc.oneof(
    fc.array(command, { minLength: 1, maxLength: 12 }),
    command.map((one) => [one]),
  );
  return fc.array(fc.record({ step: fc.constantFrom(0, 1, 1000, 30_000, 3_600_000), commands }), {
    minLength: 1,
    maxLength: 8,
    size: 'max',
  });
}

/** The request that a command is, in the words of the HTTP interface. */
function requestOf(command: Command, at: number | null, version: 1 | 2): [Operation, string, JsonObject] {
  switch (command.kind) {
    case 'write':
    case 'patch': {
      if (version === 1) return ['write', command.path, parsed(command.content)];
      const data = { data: parsed(command.content), ...(at === null ? {} : { options: { cas: at } }) };
      return [command.kind, `data/${command.path}`, data];
    }
    case 'read':
      return version === 1
        ? ['read', command.path, {}]
        : ['read', `data/${command.path}`, command.version === 0 ? {} : { version: command.version }];
    case 'delete-newest':
      return ['delete', version === 1 ? command.path : `data/${command.path}`, {}];
    case 'list': {
      const place = [version === 1 ? '' : 'metadata', command.path].filter((part) => part !== '').join('/');
      return ['list', place, {}];
    }
    case 'delete':
    case 'undelete':
    case 'destroy':
      return ['write', `${command.kind}/${command.path}`, { versions: [...command.versions] }];
    case 'delete-all':
      return ['delete', `metadata/${command.path}`, {}];
    case 'metadata-read':
      return ['read', `metadata/${command.path}`, {}];
    case 'metadata-write':
    case 'metadata-patch':
      return [
        command.kind === 'metadata-write' ? 'write' : 'patch',
        `metadata/${command.path}`,
        parseJson(JSON.stringify(command.settings)) as JsonObject,
      ];
    case 'config-write':
      return ['write', 'config', parseJson(JSON.stringify(command.settings)) as JsonObject];
    case 'config-read':
      return ['read', 'config', {}];
  }
}

async function ask(
  mounts: Mounts,
  mount: string,
  [operation, place, data]: [Operation, string, JsonObject],
): Promise<Outcome> {
  try {
    const response = await mounts.request({ operation, path: place === '' ? mount.slice(0, -1) : mount + place, data });
    return response === null ? null : { data: response.data };
  } catch (error) {
    if (error instanceof CofferError) return { error: error.code };
    throw error;
  }
}

async function freshMount(version: '1' | '2', sealWrap: boolean): Promise<string> {
  mounts += 1;
  const wanted = {
    type: 'kv',
    path: `kv-${mounts}`,
    options: { version },
    description: '',
    sealWrap,
    externalEntropy: false,
  };
  return (await enableMount(context, wanted)).path;
}

const START = Date.parse('2026-02-03T04:05:06.789Z');

function at(now: number): Context {
  return { ...context, machine: () => ({ ...context.machine(), now }) };
}

async function follow2(sealWrap: boolean, sequence: readonly Transaction[]): Promise<void> {
  const mount = await freshMount('2', sealWrap);
  const rows = rowCount();
  const model = new Model2();
  let now = START;
  for (const { step, commands } of sequence) {
    now += step;
    await withMounts(at(now), 'write', async (mounts) => {
      for (const command of commands) {
        const cas = 'cas' in command ? model.absolute(command.path, command.cas) : null;
        const outcome = normal(await ask(mounts, mount, requestOf(command, cas, 2)));
        expect(outcome, JSON.stringify(command)).toEqual(normal(model.run(command, now)));
      }
    });
  }
  await withMounts(at(now), 'write', async (mounts) => {
    for (const place of model.secrets.keys())
      await mounts.request({ operation: 'delete', path: `${mount}metadata/${place}`, data: {} });
  });
  expect(rowCount(), 'rows left').toBe(rows + (model.configured ? 1 : 0));
}

async function follow1(sealWrap: boolean, sequence: readonly Transaction[]): Promise<void> {
  const mount = await freshMount('1', sealWrap);
  const model = new Model1();
  for (const { commands } of sequence) {
    await withMounts(context, 'write', async (mounts) => {
      for (const command of commands) {
        const outcome = normal(await ask(mounts, mount, requestOf(command, null, 1)));
        expect(outcome, JSON.stringify(command)).toEqual(normal(model.run(command)));
      }
    });
  }
  await enableVersioning(at(START), mount);
  await withMounts(at(START + 1), 'read', async (mounts) => {
    for (const [place, content] of model.secrets) {
      const metadata = {
        created_time: time(START),
        custom_metadata: null,
        deletion_time: '',
        destroyed: false,
        version: 1,
      };
      expect(normal(await ask(mounts, mount, ['read', `data/${place}`, {}])), place).toEqual(
        normal({ data: { data: content, metadata } }),
      );
    }
    for (const place of ['', ...NAMES, 'a/b']) {
      const listed = normal(await ask(mounts, mount, requestOf({ kind: 'list', path: place }, null, 2)));
      expect(listed, place).toEqual(normal(model.run({ kind: 'list', path: place })));
    }
  });
}

describe.each([
  { title: 'on a plain mount', sealWrap: false },
  { title: 'on a mount with seal wrap', sealWrap: true },
])('random sequences of kv operations $title', ({ sealWrap }) => {
  it('version 2 does what the model does and leaves no row behind', { timeout: LIMIT }, async () => {
    await fc.assert(
      fc.asyncProperty(transactions(command2), (sequence) => follow2(sealWrap, sequence)),
      { numRuns: RUNS },
    );
  });

  it(
    'version 1 does what the model does and keeps everything when it becomes version 2',
    { timeout: LIMIT },
    async () => {
      await fc.assert(
        fc.asyncProperty(transactions(command1), (sequence) => follow1(sealWrap, sequence)),
        { numRuns: RUNS },
      );
    },
  );
});
