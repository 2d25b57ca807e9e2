export function b64(content: string | Uint8Array): string {
  return Buffer.from(content).toString('base64');
}

export function unb64(value: unknown): Buffer {
  return Buffer.from(text(value), 'base64');
}

/** A field of an answer that must be text. */
export function text(value: unknown): string {
  if (typeof value !== 'string') throw new TypeError('not text');
  return value;
}

export function hexed(text: string): Buffer {
  return Buffer.from(text, 'hex');
}

/** What the payload of `vault:vN:...` is, decoded. */
export function payload(versioned: unknown, encoding: 'base64' | 'base64url' = 'base64'): Buffer {
  return Buffer.from(text(versioned).split(':')[2] ?? '', encoding);
}
