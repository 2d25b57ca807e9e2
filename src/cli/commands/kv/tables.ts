import { isJsonObject, type JsonObject } from '../../../json.ts';
import { visible } from '../../../visible.ts';
import { heading, keyValues } from '../../table.ts';

/** The path and the metadata of a version that was just written. */
export function writtenTables(path: string, metadata: JsonObject): string {
  return [section('Secret Path', visible(path)), section('Metadata', metadataTable(metadata))].join('\n\n');
}

/** Path, metadata and, unless it is deleted, data of a version. */
export function versionTables(path: string, { metadata, data }: JsonObject): string {
  const tables = writtenTables(path, isJsonObject(metadata) ? metadata : {});
  return isJsonObject(data) ? `${tables}\n\n${dataTable(data)}` : tables;
}

export function dataTable(data: JsonObject): string {
  return section('Data', keyValues(data));
}

/** Settings of a secret, then a table for each version. */
export function secretTables(path: string, { versions, ...settings }: JsonObject): string {
  const numbers = isJsonObject(versions) ? Object.keys(versions).sort((a, b) => Number(a) - Number(b)) : [];
  const tables = numbers.map((number) => {
    const info = isJsonObject(versions) ? versions[number] : undefined;
    return section(`Version ${number}`, metadataTable(isJsonObject(info) ? info : {}));
  });
  return [section('Metadata Path', visible(path)), section('Metadata', metadataTable(settings)), ...tables].join(
    '\n\n',
  );
}

/** As Vault: an empty deletion time reads "n/a". */
function metadataTable(metadata: JsonObject): string {
  const entries = Object.entries(metadata).map(([key, value]) => [key, value === '' ? 'n/a' : value] as const);
  return keyValues(Object.fromEntries(entries));
}

function section(title: string, text: string): string {
  return `${heading(title, text)}\n${text}`;
}
