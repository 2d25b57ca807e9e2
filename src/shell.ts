import { utf8 } from './bytes.ts';
import { hasHidden } from './visible.ts';

/**
 * A word of a command line as somebody can paste it into a shell: as it is where the shell would leave it so, else in
 * single quotes (POSIX.1-2024 XCU 2.2.2). What a terminal would obey stands in $'...' as octal bytes (section 2.2.4), a
 * quote too, so that a shell without $'...' takes it for harmless text and nothing of it for a command.
 */
export function shellWord(text: string): string {
  if (/^[\w./:,@%+=-]+$/.test(text)) return text;
  if (!hasHidden(text)) return `'${text.replaceAll("'", String.raw`'\''`)}'`;
  const escaped = [...utf8(text)].map((byte) =>
    isPlain(byte) ? String.fromCharCode(byte) : `\\${byte.toString(8).padStart(3, '0')}`,
  );
  return `$'${escaped.join('')}'`;
}

/** Printable ASCII but the quote, the backslash and the "!" that shells expand from their history. */
function isPlain(byte: number): boolean {
  return byte >= 0x20 && byte < 0x7f && byte !== 0x21 && byte !== 0x27 && byte !== 0x5c;
}
