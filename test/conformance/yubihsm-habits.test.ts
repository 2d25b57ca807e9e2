import { softHsmAsYubiHsm } from '../support/modules/softhsm.ts';
import { conformance } from './suite.ts';

await conformance(softHsmAsYubiHsm);
