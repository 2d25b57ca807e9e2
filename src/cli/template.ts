import { UsageError } from '../errors.ts';
import { parseReference, REFERENCE_HINT, type Reference, SCHEME } from './references.ts';

/** A template in its parts: text as it is, and references in the places of which values come. */
export type Template = readonly (string | Reference)[];

/**
 * Finds coffer://PATH#FIELD in a text. As it stands a reference goes as far as letters, digits and a few signs; in {{ }}, which
 * belongs to it, it may hold anything. Other braces are text.
 * @param name of the text, for errors, which name the line and nothing of it
 * @throws UsageError `bad_reference` for one that is not whole
 */
export function parseTemplate(text: string, name: string): Template {
  const parts: (string | Reference)[] = [];
  let end = 0;
  for (const { 0: whole, 1: inBraces, index } of text.matchAll(FOUND)) {
    const reference = parseReference(inBraces ?? whole);
    if (reference === null) throw notWhole(text, index, name);
    parts.push(text.slice(end, index), reference);
    end = index + whole.length;
  }
  return [...parts, text.slice(end)];
}

/** The references of a template, in its order. */
export function referencesOf(template: Template): Reference[] {
  return template.filter((part) => typeof part !== 'string');
}

/** @param valueOf what comes in the place of a reference, and is not looked through for further ones */
export function render(template: Template, valueOf: (reference: Reference) => string): string {
  return template.map((part) => (typeof part === 'string' ? part : valueOf(part))).join('');
}

/** In a field there is no / or @, so that coffer://db#user:coffer://db#password@host/app is what it looks like. */
const FOUND = new RegExp(
  `\\{\\{[ \\t]*(${SCHEME}(?:(?!\\}\\}).)*?)[ \\t]*\\}\\}|${SCHEME}[\\p{L}\\p{M}\\p{N}_.%~@+/-]*(?:#[\\p{L}\\p{M}\\p{N}_.%~+-]*)?`,
  'gu',
);

function notWhole(text: string, index: number, name: string): UsageError {
  const line = text.slice(0, index).split('\n').length;
  return new UsageError('bad_reference', `${name} (line ${line}): ${SCHEME} does not begin a whole reference`, {
    hint: `${REFERENCE_HINT}; one with blanks or other signs stands in {{ }}`,
  });
}
