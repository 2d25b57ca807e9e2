/** Several files to one configuration, as a Vault server merges them. */
import { isSeal, nameOf, place, title, type Contents, type Document, type Stanza } from './document.ts';

/**
 * Of a top-level key, and of the stanza that says where the store is or where entropy comes from, the last file that has it
 * counts. Seals add up.
 * @param documents in the order in which they were named
 * @param notes told what is replaced
 */
export function merge(documents: readonly Document[], notes: string[]): Contents {
  const kept = documents.flatMap(({ stanzas }, at) => {
    const later = documents.slice(at + 1).flatMap((document) => document.stanzas);
    return stanzas.filter((stanza) => {
      const by = isSeal(stanza) ? undefined : later.findLast((other) => nameOf(other) === nameOf(stanza));
      if (by !== undefined && isRead(stanza)) notes.push(replaced(stanza, by));
      return by === undefined;
    });
  });
  return { stanzas: kept, settings: new Map(documents.flatMap(({ settings }) => [...settings])) };
}

function isRead(stanza: Stanza): boolean {
  return ['storage', 'entropy'].includes(nameOf(stanza));
}

function replaced(stanza: Stanza, by: Stanza): string {
  return `${place(stanza)}: ${title(stanza)} is ignored: ${by.file} has one, and the last file counts`;
}
