/** A seal's `uri` put in terms of the parameters that it stands for. */
import { isDeepStrictEqual } from 'node:util';
import { ConfigError } from '../errors.ts';
import { parsePkcs11Uri } from './pkcs11-uri.ts';
import { sealReaders, type SealParameter } from './seal-values.ts';
import { readText, type Given } from './values.ts';

/**
 * Replaces `uri` by what it says. A parameter that is given beside it must say the same: to prefer one of the two would
 * be a guess about which key seals the store.
 */
export function expandUri(givens: ReadonlyMap<string, Given>): ReadonlyMap<string, Given> {
  const uri = givens.get('uri');
  if (uri === undefined) return givens;
  const all = new Map(givens);
  all.delete('uri');
  for (const [parameter, attribute, value] of parametersOf(uri)) {
    const fromUri = {
      value,
      origin: `${uri.origin}: ${attribute}`,
      file: uri.file,
      verbatim: attribute === 'pin-value',
    };
    const beside = givens.get(parameter);
    const read = sealReaders[parameter];
    if (beside !== undefined && !isDeepStrictEqual(withoutPlace(read(beside)), withoutPlace(read(fromUri)))) {
      throw new ConfigError('config_conflict', `${beside.origin} differs from ${attribute} in uri`, {
        hint: 'remove one of the two',
      });
    }
    all.set(parameter, fromUri);
  }
  return all;
}

/** Where a PIN stands is no part of it. */
function withoutPlace(value: unknown): unknown {
  return typeof value === 'object' && value !== null && 'origin' in value
    ? { ...value, origin: null, file: null }
    : value;
}

function parametersOf(given: Given): (readonly [SealParameter, string, string | Uint8Array])[] {
  const uri = parsePkcs11Uri(readText(given), given.origin);
  const all: readonly (readonly [SealParameter, string, string | Uint8Array | null])[] = [
    ['lib', 'module-path', uri.modulePath],
    ['slot', 'slot-id', uri.slotId],
    ['token_label', 'token', uri.token],
    ['serial', 'serial', uri.serial],
    ['manufacturer', 'manufacturer', uri.manufacturer],
    ['model', 'model', uri.model],
    ['key_label', 'object', uri.object],
    ['key_id', 'id', uri.id],
    ['key_class', 'type', uri.type],
    ['pin', 'pin-source', uri.pinSource === null ? null : `file:${uri.pinSource}`],
    ['pin', 'pin-value', uri.pinValue],
  ];
  return all.flatMap(([parameter, attribute, value]) => (value === null ? [] : [[parameter, attribute, value]]));
}
