// The types of what the test imports; see programs.mjs.

export function compileCalls(): string;
export function compileScript(name: string, folder: string): string;
export function typescript(name: string, args: readonly string[], env: Readonly<Record<string, string>>): string;
