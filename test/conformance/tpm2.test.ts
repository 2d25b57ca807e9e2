import { tpm2, tpm2Rsa } from '../support/modules/tpm2.ts';
import { conformance } from './suite.ts';

conformance(tpm2);
conformance(tpm2Rsa);
