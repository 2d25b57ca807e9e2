export { augmentedEntropy, systemEntropy, testedEntropy } from './entropy.ts';
export type { Entropy } from './entropy.ts';
