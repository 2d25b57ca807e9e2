/** What runs coffer: `Bun 1.4.5` in the compiled program, `Node.js v24.21.0` for the bundle. Bun says the version of Node.js that it is like, too. */
export function runtimeName(): string {
  const { bun } = process.versions;
  return bun === undefined ? `Node.js ${process.version}` : `Bun ${bun}`;
}

/** Whether this is the compiled program, which src/native/launch.c started. */
export function isCompiled(): boolean {
  // What is compiled into a program lies in no folder of the file system.
  return import.meta.url.startsWith('file:///$bunfs/');
}
