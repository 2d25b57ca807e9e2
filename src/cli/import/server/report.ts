import { counted } from '../../../counted.ts';
import { type CofferError, StoreError } from '../../../errors.ts';

/** Names of each kind that are shown; the others are counted. */
const MOST_SHOWN = 1000;

/** What did not come from the server as it is there, for the end of an import. */
export class Report {
  readonly #denied = new Named();
  readonly #deleted = new Named();
  readonly #left = new Named();
  readonly #null = new Named();
  #gone = 0;

  /** The token may not do it. @param path of the API */
  denied(path: readonly string[], what: 'list' | 'read'): void {
    this.#denied.add(`${path.join('/')}${what === 'list' ? '/' : ''}`);
  }

  /** Versions are marked as deleted, and the server keeps their data. */
  deleted(path: string, versions: readonly string[]): void {
    if (versions.length === 0) return;
    this.#deleted.add(`${path} (${versions.length === 1 ? 'version' : 'versions'} ${versions.join(', ')})`);
  }

  /** There are no fields in it, and the mount it should come into keeps no such secret. */
  left(path: string): void {
    this.#left.add(path);
  }

  /** It is null, and not an object. */
  null(path: string): void {
    this.#null.add(path);
  }

  /** It is on the list, and is no secret. */
  gone(): void {
    this.#gone++;
  }

  warnings(): string[] {
    const gone = `the server lists ${counted(this.#gone, 'name')} that had no data when it was asked for`;
    return [
      ...this.#deleted.line('the data of deleted versions stays at the server'),
      ...this.#left.line('left out, since a version 1 kv engine keeps no secret without fields'),
      ...this.#null.line('null at the server, and imported without fields'),
      ...(this.#gone === 0 ? [] : [gone]),
    ];
  }

  /** For everything that the token may not see, and what can be done about it with the last. */
  errors(): CofferError[] {
    const { names, count } = this.#denied;
    const rest = count - names.length;
    const paths = rest === 0 ? names : [...names, counted(rest, 'other path')];
    return paths.map(
      (path, at) =>
        new StoreError('server_denied', `the token may not see ${path}`, {
          hint: at === paths.length - 1 ? HINT : null,
        }),
    );
  }
}

const HINT = 'have a policy let it read and list that, and import again: what has come already stays as it is';

class Named {
  readonly names: string[] = [];
  count = 0;

  add(name: string): void {
    this.count++;
    if (this.names.length < MOST_SHOWN) this.names.push(name);
  }

  line(what: string): string[] {
    if (this.count === 0) return [];
    const rest = this.count - this.names.length;
    return [`${what}: ${this.names.join(', ')}${rest > 0 ? ` and ${rest} more` : ''}`];
  }
}
