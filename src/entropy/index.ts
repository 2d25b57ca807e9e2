export { augmentedEntropy, type Entropy, HsmEntropy, systemEntropy } from './entropy.ts';
