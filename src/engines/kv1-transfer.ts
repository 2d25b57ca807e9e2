import { isDeepStrictEqual } from 'node:util';
import { UsageError } from '../errors.ts';
import type { EngineContext } from './engine.ts';
import { readSecret, row, writeSecret } from './kv1.ts';
import type { Transfer } from './transfer.ts';

export function takeVersion1(context: EngineContext): Transfer['take'] {
  return async (path) => {
    const data = await readSecret(context, path);
    return data === null ? null : { data, metadata: null, versions: null };
  };
}

export function planVersion1(context: EngineContext): Transfer['plan'] {
  return async (path, { data, metadata, versions }, cas) => {
    if (versions !== null || cas !== null) throw version1(versions !== null ? 'versions need' : 'check-and-set needs');
    if (data === null || Object.keys(data).length === 0) throw noData();
    const before = (await context.view.has(row(path))) ? await readSecret(context, path) : null;
    return {
      change: before === null ? 'new' : isDeepStrictEqual(before, data) ? 'unchanged' : 'changed',
      dropsMetadata: metadata !== null,
      apply: () => writeSecret(context, path, data),
    };
  };
}

function noData(): UsageError {
  return new UsageError('no_data', 'it has no data, and version 1 keeps no secret without', {
    hint: 'leave it out, or bring it in below a version 2 mount',
  });
}

function version1(what: string): UsageError {
  return new UsageError('version_1', `${what} a version 2 kv engine, and this mount is version 1`, {
    hint: 'bring it in below a version 2 mount',
  });
}
