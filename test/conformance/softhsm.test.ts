import { softHsm } from '../support/modules/softhsm.ts';
import { conformance } from './suite.ts';

await conformance(softHsm);
