import {
  type ModuleOptions,
  type SlotDescription,
  type Survey,
  surveySlots,
  type TokenDescription,
  tokenState,
} from '../../../core/index.ts';
import type { JsonObject } from '../../../json.ts';
import { command } from '../../command.ts';
import { printObject } from '../../output.ts';
import { columns } from '../../table.ts';
import { chosenModule, LIB } from './module.ts';

export const slotsCommand = command('hsm slots', {
  summary: 'list the slots of the PKCS#11 module and their tokens; needs no PIN',
  flags: LIB,
  examples: ['coffer hsm slots', 'coffer hsm slots -lib=/usr/lib/softhsm/libsofthsm2.so'],
  async run(invocation) {
    const module = await chosenModule(invocation);
    const survey = await surveySlots(module);
    if (survey.slots.length === 0)
      invocation.terminal.note(
        'the module shows no slot: check that the HSM is connected and its client set up for this user',
      );
    await printObject(invocation, describe(module, survey), () => table(module, survey));
  },
});

function table({ lib }: ModuleOptions, { info, slots }: Survey): string {
  const rows = [
    ['Module', lib],
    ['Description', info.description],
    ['Manufacturer', info.manufacturer],
    ['Library Version', info.libraryVersion],
    ['PKCS#11 Version', info.cryptokiVersion],
  ];
  const listed = columns(['Slot', 'Token', 'Serial', 'Model', 'Manufacturer', 'PIN', 'State'], slots.map(row));
  return [columns(['Key', 'Value'], rows), ...(slots.length === 0 ? [] : ['', listed])].join('\n');
}

function row({ slot, token, error, description }: SlotDescription): string[] {
  if (token === null)
    return [String(slot), '-', '-', '-', '-', '-', error === null ? `no token (${description})` : error.message];
  const { pin, loginRequired } = tokenState(token);
  const cells = [token.label, token.serial, token.model, token.manufacturer].map((text) => text || '-');
  return [String(slot), ...cells, loginRequired ? pin : 'none needed', stateOf(token)];
}

/** What an operator must know before using it, in a few words. */
function stateOf(token: TokenDescription): string {
  const { initialized, halfMade, writeProtected, pinPad } = tokenState(token);
  return [
    halfMade ? 'half made: no user PIN' : initialized ? 'initialised' : 'not initialised',
    ...(writeProtected ? ['write-protected'] : []),
    ...(pinPad ? ['PIN pad'] : []),
  ].join(', ');
}

function describe({ lib }: ModuleOptions, { info, slots }: Survey): JsonObject {
  return {
    module: {
      lib,
      description: info.description,
      manufacturer: info.manufacturer,
      library_version: info.libraryVersion,
      cryptoki_version: info.cryptokiVersion,
    },
    slots: slots.map(({ slot, description, manufacturer, token, error }) => ({
      slot: String(slot), // up to 64 bits
      description,
      manufacturer,
      token: token === null ? null : describeToken(token),
      error: error?.message ?? null,
    })),
  };
}

export function describeToken(token: TokenDescription): JsonObject {
  const { initialized, loginRequired, pin, writeProtected, pinPad } = tokenState(token);
  const { slot, label, serial, model, manufacturer } = token;
  return {
    slot: String(slot),
    label,
    serial,
    model,
    manufacturer,
    initialized,
    login_required: loginRequired,
    pin,
    write_protected: writeProtected,
    pin_pad: pinPad,
  };
}
