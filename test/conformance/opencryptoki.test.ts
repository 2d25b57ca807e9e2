import { openCryptoki } from '../support/modules/opencryptoki.ts';
import { conformance } from './suite.ts';

conformance(openCryptoki);
