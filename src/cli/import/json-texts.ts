import type { Line } from './lines.ts';

/** What `jsonTexts` needs to know of JSON, as the numbers of characters. */
const [QUOTE, BACKSLASH] = [0x22, 0x5c];
const OPENING: readonly number[] = [0x5b, 0x7b];
const CLOSING: readonly number[] = [0x5d, 0x7d];

/**
 * The objects and lists that stand one after the other, as jq prints them, each with the line that it begins on; what is between them
 * and at the end by itself, for whoever parses it to refuse. Ends are counted in characters here.
 */
export function* jsonTexts(text: string): Generator<Line> {
  let number = 1;
  let from = 0;
  const until = (end: number): Line => {
    const all = text.slice(from, end);
    const document = all.trimStart();
    const begins = number + lineBreaks(all.slice(0, all.length - document.length));
    number = begins + lineBreaks(document);
    from = end;
    return { text: document, number: begins, end };
  };
  for (let at = 0, depth = 0; at < text.length; at++) {
    const character = text.charCodeAt(at);
    if (character === QUOTE) at = endOfString(text, at);
    else if (OPENING.includes(character)) depth++;
    else if (CLOSING.includes(character) && --depth <= 0) {
      depth = 0;
      yield until(at + 1);
    }
  }
  const rest = until(text.length);
  if (rest.text !== '') yield rest;
}

/** @param from where its first quote is @returns where its last one is */
function endOfString(text: string, from: number): number {
  let at = from + 1;
  while (at < text.length && text.charCodeAt(at) !== QUOTE) at += text.charCodeAt(at) === BACKSLASH ? 2 : 1;
  return at;
}

function lineBreaks(text: string): number {
  return text.split('\n').length - 1;
}
