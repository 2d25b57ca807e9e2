/**
 * Between two cells of a row, and part of no other text, since nobody can know it. So a table is text that can stand among
 * other text, until all is laid out in one place, which knows the terminal and may load a library.
 */
export const CELL = `\x1f${Math.random()}\x1f`;

const GAP = '    ';

type Measure = (text: string) => number;
type Row = readonly string[];

/**
 * Aligns the columns of the tables in a text, which are its lines with CELL: headings, dashes, rows.
 * @param room the columns of a terminal, where a table of more than two columns is made to fit; null for none
 */
export async function layOut(text: string, room: number | null): Promise<string> {
  if (!text.includes(CELL)) return text;
  const width = await measureFor(text);
  const laid: string[] = [];
  let table: Row[] = [];
  for (const line of [...text.split('\n'), '']) {
    if (line.includes(CELL)) table.push(line.split(CELL));
    else {
      for (const row of tableLines(table, width, room)) laid.push(row);
      laid.push(line);
      table = [];
    }
  }
  return laid.slice(0, -1).join('\n');
}

/** The columns that a terminal gives a text. For ASCII that is its length, and nothing is loaded. */
async function measureFor(text: string): Promise<Measure> {
  if (/^[\x00-\x7f]*$/.test(text)) return ({ length }) => length;
  return (await import('string-width')).default;
}

function tableLines(rows: readonly Row[], width: Measure, room: number | null): string[] {
  const [headings = []] = rows;
  const widths = headings.map((_, column) => largest(rows.map((row) => width(row[column] ?? ''))));
  const isWide = room !== null && headings.length > 2 && total(widths) > room;
  if (!isWide) return rows.map((row) => aligned(row, widths, width));
  const narrow = fitted(rows, widths, width, room);
  return narrow === null ? records(rows, width) : rows.flatMap((row) => wrapped(row, narrow, width));
}

/** Of any number of them: a function takes no more arguments than its stack has room for. */
function largest(numbers: readonly number[]): number {
  return numbers.reduce((most, one) => Math.max(most, one), 0);
}

function total(widths: readonly number[]): number {
  return widths.reduce((sum, one) => sum + one, GAP.length * (widths.length - 1));
}

function aligned(row: Row, widths: readonly number[], width: Measure): string {
  const cells = row.map((cell, column) => cell + ' '.repeat(Math.max(0, (widths[column] ?? 0) - width(cell))));
  return cells.join(GAP).trimEnd();
}

/** Narrower widths, the widest column first, which break no word; null where that is not enough. */
function fitted(rows: readonly Row[], widths: readonly number[], width: Measure, room: number): number[] | null {
  const texts = rows.filter((_, at) => at !== DASHES);
  const least = widths.map((_, column) => largest(texts.flatMap((row) => (row[column] ?? '').split(' ').map(width))));
  if (total(least) > room) return null;
  const narrow = [...widths];
  while (total(narrow) > room) {
    const spare = narrow.map((one, column) => (one > (least[column] ?? 0) ? one : 0));
    const widest = spare.indexOf(Math.max(...spare));
    narrow[widest] = (narrow[widest] ?? 0) - 1;
  }
  return narrow;
}

/** The row of dashes, after that of the headings. */
const DASHES = 1;

/** A row on as many lines as its longest cell takes. */
function wrapped(row: Row, widths: readonly number[], width: Measure): string[] {
  const cells = row.map((cell, column) => brokenInto(cell, widths[column] ?? 0, width));
  const height = Math.max(...cells.map(({ length }) => length));
  return Array.from({ length: height }, (_, at) =>
    aligned(
      cells.map((lines) => lines[at] ?? ''),
      widths,
      width,
    ),
  );
}

/** Lines of whole words; dashes are as long as the room for them. */
function brokenInto(cell: string, room: number, width: Measure): string[] {
  if (/^-+$/.test(cell)) return [cell.slice(0, room)];
  const lines: string[] = [];
  for (const word of cell.split(' ')) {
    const last = lines.at(-1);
    if (last !== undefined && width(`${last} ${word}`) <= room) lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(word);
  }
  return lines;
}

/** A table too wide for wrapping: each row as lines of heading and cell, a blank line between two. */
function records(rows: readonly Row[], width: Measure): string[] {
  const [headings = []] = rows;
  const widths = [Math.max(...headings.map(width))];
  return rows
    .slice(DASHES + 1)
    .flatMap((row) => ['', ...headings.map((heading, column) => aligned([heading, row[column] ?? ''], widths, width))])
    .slice(1);
}
