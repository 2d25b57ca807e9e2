// The types of what tests import; see ensure.mjs.

export function whyInstall(lockFile: string, installedFile: string): string | null;
export function isBuilt(below: string): boolean;
export function findProgram(name: string): string | null;
