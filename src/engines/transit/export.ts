import { base64 } from '../../bytes.ts';
import { StoreError, UsageError } from '../../errors.ts';
import type { JsonObject } from '../../json.ts';
import { shellWord } from '../../shell.ts';
import { answer, type EngineContext, type EngineResponse, type Handler } from '../engine.ts';
import { type ExportForm, exportForm, publicForm, secretForm } from './export-form.ts';
import { keyPath } from './hints.ts';
import { hmacKey } from './hmac-key.ts';
import { type FoundVersion, type Key, keyName, refuseManaged, usableVersions, usingKey, versionForOld } from './key.ts';
import { loadKey } from './key-row.ts';
import { encrypts, MANAGED_TYPE, signs, typeOf, wrongType } from './types.ts';

const KINDS = ['encryption-key', 'signing-key', 'hmac-key', 'public-key'] as const;
type Kind = (typeof KINDS)[number];

/** export/KIND/NAME, export/KIND/NAME/VERSION: key material in Vault's encodings, or as `format` says, if the key may leave. */
export const exportKey: Handler = async (context, data, parts) => {
  const kind = KINDS.find((known) => known === parts['kind']);
  if (kind === undefined) {
    throw new UsageError('bad_parameter', `${JSON.stringify(parts['kind'])} cannot be exported`, {
      hint: `there are: ${KINDS.join(', ')}`,
    });
  }
  return usingKey(await loadKey(context, keyName(parts)), (key) =>
    key === null ? null : exported(context, key, data, { kind, version: parts['version'] }),
  );
};

interface Wanted {
  readonly kind: Kind;
  readonly version: string | undefined;
}

function exported(context: EngineContext, key: Key, data: JsonObject, { kind, version }: Wanted): EngineResponse {
  if (kind !== 'public-key')
    refuseManaged(key, 'be exported: its key object never leaves the HSM', () => publicHint(context, key));
  if (!key.exportable && kind !== 'public-key') {
    throw new StoreError('not_exportable', `the key "${key.name}" is not exportable`, {
      hint: `allow it, for good, with: coffer write ${keyPath(context, key.name, '/config')} exportable=true`,
    });
  }
  checkKind(key, kind);
  const form = exportForm(data, typeOf(key.type), kind !== 'hmac-key');
  const written = (number: number): string => {
    const found = versionForOld(key, number);
    return kind === 'hmac-key' ? base64(hmacKey(context, key, found)) : formOf(kind)(key, found, form);
  };
  const keys = Object.fromEntries(wantedVersions(key, version).map((number) => [number, written(number)]));
  return answer({ keys, name: key.name, type: key.managed === null ? key.type : MANAGED_TYPE });
}

function wantedVersions(key: Key, text: string | undefined): number[] {
  if (text === undefined) return usableVersions(key);
  if (text === 'latest') return [key.latest];
  const [, digits] = /^v?([1-9]\d{0,8})$/.exec(text) ?? [];
  if (digits === undefined)
    throw new UsageError('bad_parameter', `${JSON.stringify(text)} is not a version`, {
      hint: 'give a number or "latest"',
    });
  return [Number(digits)];
}

function publicHint({ mountPath }: EngineContext, { name, type }: Key): string | null {
  return signs(typeOf(type))
    ? `its public key is at: coffer read ${shellWord(`${mountPath}export/public-key/${name}`)}`
    : null;
}

function checkKind(key: Key, kind: Kind): void {
  const type = typeOf(key.type);
  if (kind === 'encryption-key' && !encrypts(type)) throw wrongType(type, 'encryption');
  if (kind === 'signing-key' && !signs(type)) throw wrongType(type, 'signing');
  if (kind === 'public-key' && (!signs(type) || key.derived))
    throw wrongType(type, key.derived ? 'one public key, being derived' : 'public keys');
}

function formOf(kind: Kind): (key: Key, found: FoundVersion, form: ExportForm) => string {
  return kind === 'public-key' ? publicForm : secretForm;
}
