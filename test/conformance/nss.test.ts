import { nss } from '../support/modules/nss.ts';
import { conformance } from './suite.ts';

await conformance(nss);
