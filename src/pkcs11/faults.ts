import { HsmError, OutcomeError } from '../errors.ts';
import type { CofferError } from '../errors.ts';
import { loadedGuard, WHAT_HAPPENED } from '../native/guard.ts';

/** How the command shows an error and a warning: as text, since nothing but writing is possible when a module crashed. */
export interface FaultReport {
  error(error: CofferError): string;
  warning(message: string): string;
}

const UNCHANGED = 'nothing in the store was changed';

let report: FaultReport = {
  error: ({ message, hint }) => `error: ${message}\n${hint === null ? '' : `hint: ${hint}\n`}`,
  warning: (message) => `warning: ${message}\n`,
};
/** Of the module that was loaded last. */
let module = '';
let situation = UNCHANGED;

/** Says how faults of a module are shown from now on. */
export function reportFaults(wanted: FaultReport): void {
  report = wanted;
  renew();
}

/** What an operator must know of a command that has done a part of its work; null for one that has changed nothing. */
export function describeSituation(text: string | null): void {
  situation = text ?? UNCHANGED;
  renew();
}

/** The texts for this module from now on, in the order that the guard wants. */
export function faultTexts(lib: string): [string, string, string, string, string] {
  module = lib;
  const what = `the PKCS#11 module ${lib} ${WHAT_HAPPENED}`;
  const look = "look at the module's own log, configuration and version";
  return [
    report.error(new HsmError('module_crashed', what, { hint: `${situation}; ${look}, and tell its vendor` })),
    report.error(new HsmError('module_ended', what, { hint: `${situation}; ${look}: a library must not end the program that uses it` })),
    report.error(new HsmError('module_timeout', what, {
      hint: `${situation}; check that the HSM can be reached. One call may take as long as timeout in the seal stanza (COFFER_HSM_TIMEOUT) says`,
    })),
    report.warning(`${what}, when the command was over; what it did and said stands`),
    report.error(new OutcomeError('outcome_unknown', `${what} while the store was written or the result shown, and the command could not end`, {
      hint: 'look whether it was done before you run it again',
    })),
  ];
}

function renew(): void {
  if (module !== '') loadedGuard()?.install(faultTexts(module));
}
