import { existsSync, realpathSync } from 'node:fs';
import { HsmError } from '../../errors.ts';
import { type ModuleOptions, surveyTokens, type TokenDescription } from '../../pkcs11/index.ts';
import { canWrap } from '../hsm-tools/mechanisms.ts';
import { tokenState } from '../hsm-tools/slots.ts';
import { usualPlaces } from './places.ts';
import { registeredModules } from './registry.ts';

export interface FoundModule {
  /** "SoftHSM", or what p11-kit's registry calls it. */
  readonly name: string;
  readonly path: string;
}

/**
 * The PKCS#11 modules of this machine, each once, whatever links lead to it: those in the usual places, those of p11-kit's
 * registry. None is loaded.
 */
export function findModules(): FoundModule[] {
  const found = new Map<string, FoundModule>();
  for (const module of [...usualPlaces(), ...registeredModules()]) {
    if (!existsSync(module.path)) continue;
    const file = realpathSync(module.path);
    if (!found.has(file)) found.set(file, module);
  }
  return [...found.values()];
}

export interface SurveyedModule {
  readonly name: string;
  readonly module: ModuleOptions;
  /** What it shows, or what is wrong with it. */
  readonly survey: readonly SurveyedToken[] | HsmError;
}

export interface SurveyedToken {
  readonly token: TokenDescription;
  /** Whether it may serve: it has a mechanism for wrapping, or says nothing of any, or may have one once it is initialised. */
  readonly canServe: boolean;
}

/** Asks a module for its tokens; one that fails is no reason to stop. */
export async function trySurvey(name: string, module: ModuleOptions): Promise<SurveyedModule> {
  try {
    const found = await surveyTokens(module);
    const survey = found.map(({ token, mechanisms }) => ({
      token,
      canServe: mechanisms === null || canWrap(mechanisms) || !tokenState(token).initialized,
    }));
    return { name, module, survey };
  } catch (error) {
    if (!(error instanceof HsmError)) throw error;
    return { name, module, survey: error };
  }
}
