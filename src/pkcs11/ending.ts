import { loadedGuard } from '../native/guard.ts';

/**
 * When modules are finalised. C_Finalize is the vendor's code like every other function, and may crash or hang. So a command
 * postpones it until what it found or did was shown, and cannot be lost by it any more. One that goes on to load a module ends
 * the one before, as no two may be open. Who uses this folder for itself has each module
 * ended right after its use, and stdout back.
 */
let postponed = false;
const over: (() => void)[] = [];

/** From now on modules are ended by `endModules` alone. */
export function postponeEndings(): void {
  postponed = true;
}

/** Ends a module that is not used any more, now or later. */
export function endAfterUse(finalise: () => void): void {
  if (postponed) {
    over.push(finalise);
    return;
  }
  finalise();
  loadedGuard()?.restoreOutput();
}

/** Ends every module that is not used any more. */
export function endModules(): void {
  for (const finalise of over.splice(0)) finalise();
}
