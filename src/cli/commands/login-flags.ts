/** For a command that logs in although core/pin-memory.ts or the token's own count would rather not. */
export const FORCE = {
  force: { kind: 'boolean', help: 'log in although the token says that few tries are left' },
} as const;
export const RETRY_PIN = {
  'retry-pin': { kind: 'boolean', help: 'send a PIN once more that the token refused before' },
} as const;
