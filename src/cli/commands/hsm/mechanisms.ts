import { type TokenMechanism, tokenMechanisms } from '../../../core/index.ts';
import { command } from '../../command.ts';
import { printObject } from '../../output.ts';
import { columns } from '../../table.ts';
import { describeToken } from './slots.ts';

export const mechanismsCommand = command('hsm mechanisms', {
  summary: 'list the mechanisms of the token that coffer can use; needs no PIN',
  flags: { all: { kind: 'boolean', help: 'those that coffer does not use, too' } },
  examples: ['coffer hsm mechanisms', 'coffer hsm mechanisms -all -format=json'],
  async run(invocation) {
    const { all } = invocation.flags;
    const { token, mechanisms } = await tokenMechanisms(await invocation.context());
    const shown = mechanisms.filter(({ purpose }) => all || purpose !== null);
    if (shown.length === 0)
      invocation.terminal.note(`token "${token.label}" lists no mechanism${all ? '' : ' that coffer can use'}`);
    const object = { token: describeToken(token), mechanisms: shown.map(describe) };
    await printObject(invocation, object, () =>
      columns(
        ['Mechanism', 'Number', 'Key Sizes', 'Uses', 'Used For'],
        shown.map(({ name, type, minKeySize, maxKeySize, uses, purpose }) => [
          name,
          number(type),
          sizes(minKeySize, maxKeySize),
          uses.map((use) => use.replaceAll('_', ' ')).join(', ') || '-',
          purpose ?? '-',
        ]),
      ),
    );
  },
});

function number(type: number): string {
  return `0x${type.toString(16).padStart(4, '0')}`;
}

/** CK_UNAVAILABLE_INFORMATION, or its 32 bits. */
const NO_LIMIT = 0xffffffff;

/** In bits or bytes: the module decides. */
function sizes(least: number, most: number): string {
  if (most === 0) return '-';
  if (most >= NO_LIMIT) return `${least} or more`;
  return least === most ? String(least) : `${least} to ${most}`;
}

function describe({ type, name, minKeySize, maxKeySize, uses, purpose }: TokenMechanism) {
  return { name, type, min_key_size: minKeySize, max_key_size: maxKeySize, uses: [...uses], used_for: purpose };
}
