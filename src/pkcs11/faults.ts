import { type CofferError, HsmError, OutcomeError } from '../errors.ts';
import { type Guard, loadedGuard, WHAT_HAPPENED } from '../native/guard.ts';
import { afterCommit, hasCommitted } from '../native/outcome.ts';

/** How the command shows an error and a warning: as text, since nothing but writing is possible when a module crashed. */
export interface FaultReport {
  /** Where that text goes; stderr unless it is given. */
  readonly descriptor?: number;
  error(error: CofferError): string;
  warning(message: string): string;
}

const STDERR = 2;
const UNCHANGED = 'nothing in the store was changed';
/** For a command that calls the module after a COMMIT and did not say how far it was. */
const PARTLY = 'what was written before stays, so look at the store before you run the command again';

let report: FaultReport = {
  error: ({ message, hint }) => `error: ${message}\n${typeof hint === 'string' ? `hint: ${hint}\n` : ''}`,
  warning: (message) => `warning: ${message}\n`,
};
/** Of the module that was loaded last. */
let module = '';
let situation: string | null = null;
let inTheHsm: string | null = null;

/** Says how faults of a module are shown from now on. */
export function reportFaults(wanted: FaultReport): void {
  report = wanted;
  renew();
}

/** What an operator must know of a command that has done a part of its work; null for one that has nothing more to say than the store. */
export function describeSituation(text: string | null): void {
  situation = text;
  renew();
}

/** What may be in the HSM from now on, whatever becomes of the command; null where that is known again. */
export function describeHsmChange(text: string | null): void {
  inTheHsm = text;
  renew();
}

/** Stands guard with the texts for this module. */
export function installGuard(guard: Guard, lib: string): void {
  module = lib;
  guard.install(texts(lib), report.descriptor ?? STDERR);
  afterCommit(renew);
}

/** In the order that the guard wants. */
function texts(lib: string): [string, string, string, string, string] {
  const what = `the PKCS#11 module ${lib} ${WHAT_HAPPENED}`;
  const done = [situation ?? (hasCommitted() ? PARTLY : UNCHANGED), ...(inTheHsm === null ? [] : [inTheHsm])].join(
    '; ',
  );
  const look = "look at the module's own log, configuration and version";
  return [
    report.error(new HsmError('module_crashed', what, { hint: `${done}; ${look}, and tell its vendor` })),
    report.error(
      new HsmError('module_exited', what, {
        hint: `${done}; ${look}: a library must not end the program that uses it`,
      }),
    ),
    report.error(
      new HsmError('module_hung', what, {
        hint: `${done}; check that the HSM can be reached. One call may take as long as timeout in the seal stanza (COFFER_HSM_TIMEOUT) says`,
      }),
    ),
    report.warning(`${what}, when the command was over; what it did and said stands`),
    report.error(
      new OutcomeError(
        'outcome_unknown',
        `${what} while the store was written or the result shown, and the command could not end`,
        {
          hint: 'look whether it was done before you run it again',
        },
      ),
    ),
  ];
}

function renew(): void {
  if (module !== '') loadedGuard()?.install(texts(module), report.descriptor ?? STDERR);
}
