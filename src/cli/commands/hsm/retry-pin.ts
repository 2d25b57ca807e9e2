import type { Flag } from '../../command.ts';

export const RETRY_PIN: Flag = { name: 'retry-pin', kind: 'boolean', help: 'send a PIN once more that the token refused before' };
