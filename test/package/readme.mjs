// The README's first session, to be typed again.

/** What differs from one machine to the next, in what coffer and SoftHSM print. */
const VARIES = [
  [/Recovery Key 1: \S{44}/g, 'Recovery Key 1: KEY'],
  [/\bkv_[0-9a-f]{8}\b/g, 'kv_ACCESSOR'],
  [/[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/g, 'UUID'],
  [/\b(to slot|^Slot) \d+/gm, '$1 N'],
];

/**
 * The commands of a section and what the README shows of each.
 * @returns {command, shown}, in order
 */
export function session(readme, heading) {
  const section = readme.split(/^#+ /m).find((each) => each.startsWith(`${heading}\n`));
  if (section === undefined) throw new Error(`the README has no section "${heading}"`);
  const lines = section.split('\n').filter((line) => line.startsWith('    ') || line === '');
  const steps = [];
  for (const line of lines.map((each) => each.slice(4))) {
    if (line.startsWith('$ ')) steps.push({ command: line.slice(2), shown: [] });
    else steps.at(-1)?.shown.push(line);
  }
  return steps.map(({ command, shown }) => ({ command, shown: shown.join('\n').trim() }));
}

/** The same text with a word in place of what differs. */
export function withoutWhatVaries(text) {
  return VARIES.reduce((changed, [pattern, word]) => changed.replaceAll(pattern, word), text)
    .split('\n')
    .map((line) => line.trimEnd())
    .filter((line) => line !== '')
    .join('\n');
}
