export { augmentedEntropy, HsmEntropy, systemEntropy } from './entropy.ts';
export type { Entropy } from './entropy.ts';
