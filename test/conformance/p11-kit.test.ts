import { p11Kit } from '../support/modules/p11-kit.ts';
import { conformance } from './suite.ts';

await conformance(p11Kit);
