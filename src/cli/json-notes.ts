import type { CofferError } from '../errors.ts';
import { visibleJson } from '../visible.ts';
import { hintText } from './remedies.ts';

/**
 * What -format=json has instead of lines on stderr: notes and warnings are kept until a document takes them. That is the
 * answer on stdout, or else the one document that stderr may hold, which an error makes, or the end of the command. What
 * would be a second document is left out, but for an error that comes when the notes are out: a command that cannot be started.
 */
export interface JsonNotes {
  readonly keep: (text: string) => void;
  readonly kept: () => readonly string[];
  /** A document with all that was kept is out. */
  readonly forget: () => void;
  readonly error: (error: CofferError) => void;
  readonly errors: (errors: readonly CofferError[]) => void;
  readonly fault: (message: string) => void;
  readonly end: () => void;
  /** What `error` would write, and what a last warning would; "" where it may write no more. */
  readonly errorText: (error: CofferError) => string;
  readonly warningText: (message: string) => string;
}

/** @param changed told when `errorText` and `warningText` have become others */
export function jsonNotes(write: (text: string) => void, changed: () => void): JsonNotes {
  let notes: readonly string[] = [];
  /** Whether stderr holds a document already, and an error. */
  let isWritten = false;
  let isError = false;

  function documentOf(errors: readonly string[], code: string | null, said: readonly string[] = notes): string {
    if (code === null ? isWritten : isError) return '';
    const document = { errors, ...(code === null ? {} : { code }), ...(said.length === 0 ? {} : { notes: said }) };
    return `${visibleJson(JSON.stringify(document))}\n`;
  }

  function put(text: string, { error }: { readonly error: boolean }): void {
    if (text === '') return;
    write(text);
    notes = [];
    isWritten = true;
    isError = error;
    changed();
  }

  const errorsText = (errors: readonly CofferError[]): string =>
    documentOf(wordsOf(errors), worstOf(errors)?.code ?? null);
  return {
    keep(text) {
      if (notes.includes(text)) return;
      notes = [...notes, text];
      changed();
    },
    kept: () => notes,
    forget() {
      notes = [];
      changed();
    },
    error: (error) => put(errorsText([error]), { error: true }),
    errors: (errors) => {
      if (errors.length > 0) put(errorsText(errors), { error: true });
    },
    fault: (message) => put(documentOf([message], 'internal'), { error: true }),
    end: () => {
      if (notes.length > 0) put(documentOf([], null), { error: false });
    },
    errorText: (error) => errorsText([error]),
    warningText: (message) => documentOf([], null, [...notes, message]),
  };
}

/** The message first; of several the messages, and then what to do, each once. */
function wordsOf(errors: readonly CofferError[]): string[] {
  const hints = new Set(errors.flatMap(({ hint }) => (hint === null ? [] : [hintText(hint)])));
  return [...errors.map(({ message }) => message), ...hints];
}

/** The one that the exit status is of. */
function worstOf(errors: readonly CofferError[]): CofferError | null {
  return errors.reduce<CofferError | null>(
    (worst, error) => (worst === null || error.exitStatus > worst.exitStatus ? error : worst),
    null,
  );
}
