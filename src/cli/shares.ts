import { KEY_BYTES } from '../aead.ts';
import { UsageError } from '../errors.ts';
import type { Invocation } from './command.ts';
import { readStdinText } from './input.ts';
import { askHidden } from './prompts.ts';

/** How many shares are wanted: `threshold` of the `shares` that were given out. */
export interface Quorum {
  readonly shares: number;
  readonly threshold: number;
}

/** What Vault and coffer give out: the key's bytes and x; a single share is the key itself. */
const SHARE_BYTES = KEY_BYTES + 1;

/**
 * A quorum of recovery shares, each in base64 or hexadecimal: asked for one after the other on a terminal, without showing them,
 * else from stdin, one a line. They are the caller's to zero.
 * @throws UsageError `bad_share`, `share_count`; StoreError `cancelled`
 */
export async function readShares({ terminal }: Pick<Invocation, 'terminal'>, quorum: Quorum): Promise<Uint8Array[]> {
  return terminal.isInteractive() ? askShares(terminal, quorum) : sharesFrom(readStdinText(), quorum);
}

async function askShares(terminal: Invocation['terminal'], quorum: Quorum): Promise<Uint8Array[]> {
  const shares: Uint8Array[] = [];
  while (shares.length < quorum.threshold) {
    const left = quorum.threshold - shares.length;
    const share = decodeShare(await askHidden(`Recovery key share (${left} still needed)`), quorum);
    const problem = typeof share === 'string' ? share : repeated(share, shares);
    if (problem !== null) terminal.dialogue.warn(`this share is not taken: ${problem}`);
    else if (typeof share !== 'string') shares.push(share);
  }
  return shares;
}

/** @throws UsageError */
function sharesFrom(text: string, quorum: Quorum): Uint8Array[] {
  const lines = text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '');
  const { threshold } = quorum;
  if (lines.length !== threshold) {
    const what = `stdin has ${lines.length} recovery key shares, and ${threshold} ${threshold === 1 ? 'is' : 'are'} needed`;
    throw new UsageError('share_count', what, {
      hint: 'give as many as that, one a line, in base64 or hexadecimal; on a terminal they are asked for',
    });
  }
  const shares: Uint8Array[] = [];
  for (const [at, line] of lines.entries()) {
    const share = decodeShare(line, quorum);
    const problem = typeof share === 'string' ? share : repeated(share, shares);
    if (problem !== null)
      throw new UsageError('bad_share', `line ${at + 1} of stdin: ${problem}`, {
        hint: 'give every share as `coffer init` showed it',
      });
    if (typeof share !== 'string') shares.push(share);
  }
  return shares;
}

/** The share, or what is wrong with the text; the text itself is never said. */
function decodeShare(text: string, { shares }: Quorum): Uint8Array | string {
  const bytes = shares === 1 ? KEY_BYTES : SHARE_BYTES;
  const trimmed = text.trim();
  const isHex = /^[0-9a-f]*$/i.test(trimmed) && trimmed.length === 2 * bytes;
  const share = new Uint8Array(Buffer.from(trimmed, isHex ? 'hex' : 'base64'));
  const isWhole = share.length === bytes && (isHex || /^[A-Za-z0-9+/]*=?$/.test(trimmed));
  if (!isWhole) return `it is no share of ${bytes} bytes in base64 or hexadecimal`;
  return bytes === SHARE_BYTES && share.at(-1) === 0 ? 'it ends in a zero, which no share does' : share;
}

/** Two shares of one x are one share, or one of them is wrong. */
function repeated(share: Uint8Array, before: readonly Uint8Array[]): string | null {
  return before.some((other) => other.at(-1) === share.at(-1)) ? 'it was given already' : null;
}
