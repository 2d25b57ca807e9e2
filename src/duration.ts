/** Go's units, in milliseconds, and the day. µ is written as U+00B5 or as U+03BC. */
const UNITS: { readonly [unit: string]: number } = {
  ns: 1e-6,
  us: 1e-3,
  '\u00b5s': 1e-3,
  '\u03bcs': 1e-3,
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};
const TERM = String.raw`(\d+(?:\.\d*)?|\.\d+)(${Object.keys(UNITS).join('|')})`;

/** Milliseconds from "8h", "1h30m", "90s" or plain seconds; null when it is none of these. */
export function parseDuration(text: string): number | null {
  if (/^\d+$/.test(text)) return bounded(Number(text) * 1000);
  if (!new RegExp(`^(${TERM})+$`).test(text)) return null;
  const total = [...text.matchAll(new RegExp(TERM, 'g'))].reduce(
    (sum, [, count, unit]) => sum + Number(count) * (UNITS[unit ?? ''] ?? 0),
    0,
  );
  return bounded(Math.round(total));
}

/** The same with a plus or minus sign before it. */
export function parseSignedDuration(text: string): number | null {
  const milliseconds = parseDuration(text.replace(/^[+-]/, ''));
  return milliseconds !== null && text.startsWith('-') ? -milliseconds : milliseconds;
}

/** Longer than a thousand years is a slip of the hand. */
function bounded(milliseconds: number): number | null {
  return milliseconds <= 365_000 * 86_400_000 ? milliseconds : null;
}

/** "8h0m0s" the way Go writes it, in whole seconds, rounded up. */
export function formatDuration(milliseconds: number): string {
  if (milliseconds < 0) return `-${formatDuration(-milliseconds)}`;
  const seconds = Math.ceil(milliseconds / 1000);
  const parts = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60] as const;
  const [hours, minutes, rest] = parts;
  if (hours > 0) return `${hours}h${minutes}m${rest}s`;
  return minutes > 0 ? `${minutes}m${rest}s` : `${rest}s`;
}

/** The same without what is zero, as Vault's tables have it: "8h", "1h5s". */
export function shortDuration(milliseconds: number): string {
  return formatDuration(milliseconds).replace(/m0s$/, 'm').replace(/h0m/, 'h');
}
