import { tpm2, tpm2Rsa } from '../support/modules/tpm2.ts';
import { conformance } from './suite.ts';

await conformance(tpm2);
await conformance(tpm2Rsa);
