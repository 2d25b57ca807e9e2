/** Whether every name in a file is one that may be there. */
import { ConfigError } from '../errors.ts';
import { kind, place, title, type Document } from './document.ts';
import { nearest } from '../nearest.ts';
import { serverOnly, serverOnlyInSeal, stanzaKeys, stanzaNames, topLevelKeys } from './keys.ts';

/**
 * Throws a ConfigError for a name that is unknown, or known as something else. Returns the names that only a Vault
 * server needs, sorted, for one note.
 */
export function checkNames(document: Document): string[] {
  const ignored = new Set<string>();
  const all = [...stanzaNames, ...topLevelKeys, ...serverOnly];
  for (const stanza of document.stanzas) {
    const where = place(stanza);
    if (serverOnly.has(stanza.name)) {
      ignored.add(stanza.name);
    } else if (topLevelKeys.includes(stanza.name)) {
      throw new ConfigError('config_type', `${where}: ${stanza.name} must be a key, not a stanza`, {
        hint: `write ${stanza.name} = ${stanza.name === 'store_id' ? '"..."' : `true or ${stanza.name} = false`}`,
      });
    } else if (!stanzaNames.includes(stanza.name)) {
      throw unknown(where, 'stanza', stanza.name, all);
    }
    const known = stanzaKeys.get(kind(stanza));
    if (known === undefined) continue;
    for (const [name, setting] of stanza.settings) {
      if (!known.includes(name)) throw unknown(`${place(setting)}: ${title(stanza)}`, 'key', name, known);
      if (serverOnlyInSeal.has(name)) ignored.add(name);
    }
  }
  for (const [name, setting] of document.settings) {
    const where = place(setting);
    if (serverOnly.has(name)) {
      ignored.add(name);
    } else if (stanzaNames.includes(name)) {
      throw new ConfigError('config_type', `${where}: ${name} must be a stanza, not a key`, {
        hint: `write ${name} "..." { ... }`,
      });
    } else if (!topLevelKeys.includes(name)) {
      throw unknown(where, 'key', name, all);
    }
  }
  if (document.settings.has('disable_sealwrap')) ignored.add('disable_sealwrap');
  return [...ignored].sort();
}

function unknown(where: string, what: 'key' | 'stanza', name: string, known: readonly string[]): ConfigError {
  const near = nearest(name, known);
  const question = near === null ? '' : `; did you mean "${near}"?`;
  const hint =
    near !== null
      ? `write ${near}, or remove it`
      : `remove it; known here: ${known.filter((one) => !serverOnly.has(one)).join(', ')}`;
  return new ConfigError('config_unknown_key', `${where}: unknown ${what} ${JSON.stringify(name)}${question}`, {
    hint,
  });
}
