import { hex } from '../../../bytes.ts';
import { type Exposure, exposuresOf, type TokenKey, tokenKeys } from '../../../core/index.ts';
import type { JsonObject } from '../../../json.ts';
import { command } from '../../command.ts';
import { printObject } from '../../output.ts';
import { columns } from '../../table.ts';
import { FORCE } from '../login-flags.ts';
import { describeToken } from './slots.ts';

export const keysCommand = command('hsm keys', {
  summary: 'list the keys on the token and what they may do',
  flags: FORCE,
  examples: ['coffer hsm keys', 'coffer hsm keys -format=json'],
  async run(invocation) {
    const { token, keys } = await tokenKeys(await invocation.context({ forceLogin: invocation.flags.force }));
    if (keys.length === 0) invocation.terminal.note(`there is no key on token "${token.label}"`);
    const object = { token: describeToken(token), keys: keys.map(describe) };
    await printObject(invocation, object, () =>
      columns(['Label', 'ID', 'Class', 'Type', 'Bits', 'Uses', 'Protection', 'Seal'], keys.map(row)),
    );
  },
});

const USES = ['encrypt', 'decrypt', 'sign', 'verify', 'wrap', 'unwrap', 'derive'] as const;

function row(key: TokenKey): string[] {
  return [
    key.label || '-',
    hex(key.id) || '-',
    key.class,
    key.typeName,
    key.bits === null ? '-' : String(key.bits),
    USES.filter((use) => key.attributes[use] === true).join(', ') || '-',
    protection(key).join(', ') || '-',
    key.roles.join(', ') || '-',
  ];
}

/** What is out of the ordinary is in capitals. Where the token does not tell whether a key can be read or leave, that is said, too. */
function protection(key: TokenKey): string[] {
  const { sensitive, extractable } = key.attributes;
  return [
    ...(key.class !== 'public' && (sensitive === null || extractable === null) ? ['unknown'] : []),
    ...(sensitive === true ? ['sensitive'] : []),
    ...exposuresOf(key).map((exposure) => EXPOSED[exposure]),
    ...(key.attributes.token === false ? ['session only'] : []),
  ];
}

const EXPOSED: { readonly [exposure in Exposure]: string } = {
  public: 'NOT PRIVATE',
  extractable: 'EXTRACTABLE',
  readable: 'NOT SENSITIVE',
  'once extractable': 'WAS EXTRACTABLE',
  'once readable': 'WAS NOT SENSITIVE',
  imported: 'IMPORTED',
};

function describe(key: TokenKey): JsonObject {
  return {
    label: key.label,
    id: hex(key.id),
    class: key.class,
    type: key.type === null ? null : key.typeName,
    bits: key.bits,
    seal: [...key.roles],
    attributes: { ...key.attributes },
  };
}
