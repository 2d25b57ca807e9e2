import { pinMemory } from '../../src/core/pin-memory.ts';

/** A login like that of most commands, with nobody there to be told of it. */
export const PLAIN_LOGIN = {
  pinPad: () => undefined,
  forceLogin: false,
  retryPin: false,
  onLogin: () => undefined,
  note: () => undefined,
} as const;

/** Of somebody who has no place to remember a PIN. */
export const NO_MEMORY = pinMemory(null);
