import type { EngineContext } from '../../../src/engines/index.ts';
import { systemEntropy } from '../../../src/entropy/index.ts';

/** What an engine is given where the configuration has no entropy stanza. */
export const platformAlone: EngineContext['random'] = { platform: systemEntropy, seal: null, all: null };

/** For tests of what needs no HSM: whatever reaches for it after all fails. Keys in an HSM are tested on a real token. */
export const noHsm: EngineContext['hsm'] = {
  find: refuse,
  register: refuse,
  generate: refuse,
  oaepHash: refuse,
  encrypt: refuse,
  decrypt: refuse,
  sign: refuse,
};

function refuse(): never {
  throw new Error('this test has no HSM');
}
