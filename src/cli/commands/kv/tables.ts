import { isJsonObject, type JsonObject } from '../../../json.ts';
import { visible } from '../../../visible.ts';
import { heading, headingOver, keyValues } from '../../table.ts';

/** The path and the metadata of a version that was just written. */
export function writtenTables(path: string, metadata: JsonObject): string {
  return [pathSection('Secret Path', path), section('Metadata', metadata)].join('\n\n');
}

/** Path, metadata and, unless it is deleted, data of a version. */
export function versionTables(path: string, { metadata, data }: JsonObject): string {
  const tables = writtenTables(path, isJsonObject(metadata) ? metadata : {});
  return isJsonObject(data) ? `${tables}\n\n${dataTable(data)}` : tables;
}

export function dataTable(data: JsonObject): string {
  return section('Data', data);
}

/** Settings of a secret, then a table for each version. */
export function secretTables(path: string, { versions, ...settings }: JsonObject): string {
  const numbers = isJsonObject(versions) ? Object.keys(versions).sort((a, b) => Number(a) - Number(b)) : [];
  const tables = numbers.map((number) => {
    const info = isJsonObject(versions) ? versions[number] : undefined;
    return section(`Version ${number}`, isJsonObject(info) ? info : {});
  });
  return [pathSection('Metadata Path', path), section('Metadata', settings), ...tables].join('\n\n');
}

function pathSection(title: string, path: string): string {
  const shown = visible(path);
  return `${headingOver(title, shown)}\n${shown}`;
}

function section(title: string, data: JsonObject): string {
  return `${heading(title, data)}\n${keyValues(data)}`.trimEnd();
}
