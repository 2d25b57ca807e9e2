import { readFileSync } from 'node:fs';
import type { Entry, View } from '../../../../src/barrier/index.ts';
import { dispatch, type EngineContext, type EngineResponse, type Operation } from '../../../../src/engines/index.ts';
import { transit } from '../../../../src/engines/transit/index.ts';
import { type EcType, parseType } from '../../../../src/engines/transit/types.ts';
import { systemEntropy } from '../../../../src/entropy/index.ts';
import { CofferError } from '../../../../src/errors.ts';
import type { JsonObject } from '../../../../src/json.ts';
import { noHsm, platformAlone } from '../engine-context.ts';
import { watched } from '../watched.ts';
import { b64, hexed } from '../../../support/encoding.ts';

/** The engine on a mount that lives in memory. */
export interface Mount {
  readonly context: EngineContext;
  /** Every row's path, joined by "/". */
  rows(): string[];
  call(operation: Operation, path: string, data?: JsonObject): Promise<EngineResponse | null>;
  /** The data of a write's answer. */
  write(path: string, data?: JsonObject): Promise<JsonObject>;
  read(path: string, data?: JsonObject): Promise<JsonObject>;
  /** What a request that must fail throws. */
  failure(operation: Operation, path: string, data?: JsonObject): Promise<CofferError>;
}

export function mount(overrides: Partial<EngineContext> = {}): Mount {
  const stored = new Map<string, Uint8Array>();
  const context: EngineContext = {
    mountPath: 'transit/',
    view: memoryView(stored),
    entropy: systemEntropy,
    externalEntropy: false,
    random: platformAlone,
    hsm: noHsm,
    now: Date.parse('2026-02-03T04:05:06.789Z'),
    ...overrides,
  };
  const call = (operation: Operation, path: string, data: JsonObject = {}) =>
    dispatch(watched(transit), context, { operation, path, data });
  const dataOf = async (operation: Operation, path: string, data?: JsonObject): Promise<JsonObject> =>
    (await call(operation, path, data))?.data ?? {};
  return {
    context,
    rows: () => [...stored.keys()],
    call,
    write: (path, data) => dataOf('write', path, data),
    read: (path, data) => dataOf('read', path, data),
    async failure(operation, path, data) {
      try {
        await call(operation, path, data);
      } catch (error) {
        if (error instanceof CofferError) return error;
        throw error;
      }
      throw new Error(`${operation} ${path} did not fail`);
    },
  };
}

function memoryView(stored: Map<string, Uint8Array>): View {
  const at = (path: readonly string[]) => path.join('/');
  return {
    get: async (path) => stored.get(at(path))?.slice() ?? null,
    has: async (path) => stored.has(at(path)),
    put: async (path, value) => void stored.set(at(path), value.slice()),
    delete: async (path) => void stored.delete(at(path)),
    async list(path) {
      const below = [...stored.keys()]
        .filter((key) => key.startsWith(`${at(path)}/`))
        .map((key) => key.slice(at(path).length + 1));
      const entries = below.map((rest): Entry => ({ name: rest.split('/')[0] ?? '', folder: rest.includes('/') }));
      return entries.sort((a, b) => (a.name < b.name ? -1 : 1));
    },
  };
}

const TYPE_NUMBERS: { readonly [type: string]: number } = {
  'aes256-gcm96': 0,
  'ecdsa-p256': 1,
  ed25519: 2,
  'rsa-2048': 3,
  'rsa-4096': 4,
  'chacha20-poly1305': 5,
  'ecdsa-p384': 6,
  'ecdsa-p521': 7,
  'aes128-gcm96': 8,
  'rsa-3072': 9,
  hmac: 11,
};

/** A backup in Vault's layout with known key material as its one version, written out here by hand. */
export function vaultBackup(
  type: string,
  entry: { readonly [name: string]: string | null },
  policy: JsonObject = {},
): string {
  const members = Object.entries(entry).map(([name, value]) => `${JSON.stringify(name)}:${value ?? 'null'}`);
  const entryText = `{${[...members, '"time":"2024-05-06T07:08:09.123456789Z"', '"creation_time":1714979289'].join(',')}}`;
  const settings = {
    name: 'given',
    type: TYPE_NUMBERS[type] ?? 99,
    latest_version: 1,
    min_decryption_version: 1,
    exportable: true,
    ...policy,
  };
  const json = `{"policy":{"keys":{"1":${entryText}},${JSON.stringify(settings).slice(1)},"archived_keys":null}`;
  return Buffer.from(json).toString('base64');
}

/** Puts a symmetric key that is known into the mount as `name`. @param hex the raw key */
export async function giveKey(
  target: Mount,
  name: string,
  type: string,
  hex: string,
  policy: JsonObject = {},
): Promise<void> {
  const key = JSON.stringify(b64(hexed(hex)));
  const size = type === 'hmac' ? { key_size: hexed(hex).length } : {};
  await target.write(`restore/${name}`, { backup: vaultBackup(type, { key, hmac_key: key }, { ...size, ...policy }) });
}

/** The orders of the curves (NIST SP 800-186 section 3.2.1), and of how many bytes of entropy a scalar is made. */
export const CURVES: readonly [name: string, order: bigint, asked: number][] = [
  ['ecdsa-p256', 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n, 48],
  [
    'ecdsa-p384',
    0xffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf581a0db248b0a77aecec196accc52973n,
    72,
  ],
  ['ecdsa-p521', 2n ** 521n - 0x5ae79787c40d069948033feb708f65a2fc44a36477663b851449048e16ec79bf7n, 99],
];

export function ecType(name: string): EcType {
  const type = parseType(name);
  if (type.family !== 'ec') throw new TypeError(name);
  return type;
}

export function fixture(name: string): unknown {
  return JSON.parse(readFileSync(new URL(`../../../../fixtures/transit/${name}.json`, import.meta.url), 'utf8'));
}
