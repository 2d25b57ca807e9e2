/** In milliseconds. Nobody who presses Ctrl-C notices as much. */
const DEAF = 50;

let heard = performance.now();

/**
 * For long work that never waits for anything: lets a signal that came meanwhile end the command here. What listens to signals, and a module
 * always does, hears them only when the runtime has nothing else to do.
 */
export async function hearSignals(): Promise<void> {
  if (performance.now() - heard < DEAF) return;
  await new Promise((resolve) => setImmediate(resolve));
  heard = performance.now();
}
