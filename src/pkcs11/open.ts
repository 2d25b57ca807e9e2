import type { Module } from './module.ts';

/** An open session handle and the module it belongs to; what the operations need. */
export interface OpenSession {
  readonly module: Module;
  readonly handle: Buffer;
}
