import { addonFile, addonMissing, loadAddon } from './addon.ts';

/** The native add-on guard.c, which stands around the PKCS#11 module. Its head says how it works. */
export interface Guard {
  /**
   * Installs handlers and watchdog, once; a further call changes the texts and where they go. They are what is written to `descriptor` when
   * the module crashes, ends the process or does not answer, when one of these happens after the command was done, and when
   * the outcome of a write is not known; WHAT_HAPPENED in them is replaced.
   */
  install(
    texts: readonly [crashed: string, ended: string, hung: string, late: string, unknown: string],
    descriptor: number,
  ): void;
  /**
   * dlopen, with all symbols; throws the dynamic loader's words. From the first one on this process is in the directory `/`, so
   * that no relative path of before may be used; `exec` goes back.
   */
  load(path: string, milliseconds: number): void;
  /** Before and after a call in this thread; 0 for no limit. */
  enter(name: string, milliseconds: number): void;
  leave(): void;
  /** Before and after a call in a thread of the pool. @returns what `leaveBackground` wants */
  enterBackground(name: string, milliseconds: number): number;
  leaveBackground(call: number): void;
  /** The store's commit, or the result, comes out whole from here on: until `undo`, `done`, or the next call. */
  keep(): void;
  undo(): void;
  /** The result is out. What the module does now is a warning, and the process ends with this status. */
  done(status: number): void;
  /** Points descriptor 1 at 2, until `restoreOutput`. @returns the descriptor of stdout itself */
  redirectOutput(): number;
  restoreOutput(): void;
  /** This process ends in its own way from here on: any other end is the module's doing. */
  leaving(): void;
  /** Ends the process without the exit handlers and destructors of the module. */
  quit(status: number): never;
  /**
   * Of the user whose rights this process has, by the system's user database, which may be on the network; null where it knows
   * none. Neither is taken from the environment, as Bun's `userInfo` does.
   */
  account(): { readonly name: string; readonly home: string } | null;
  /** No core dumps, and no look into this process by others of the same user. */
  harden(): void;
  /** "NAME=value" each as this process has them now, byte for byte: a character is a byte. See environment.ts. */
  environment(): string[];
  /**
   * Makes a file in memory, which nobody can change and only this user read (0400), for `exec` to keep.
   * Throws as node:fs does.
   * @param name is shown by the system, and need not be unique  @returns its descriptor, above those that shell scripts use
   */
  memoryFile(name: string, content: Uint8Array): number;
  /**
   * Gives a file that was opened without a name one, by a link (linkat(2)), for which /proc is needed. It replaces nothing: what is there is an
   * EEXIST. Throws as node:fs does.
   */
  nameFile(descriptor: number, path: string): void;
  /**
   * Replaces the process by a program: signals as the caller of coffer had them (at their defaults where the launcher has not noted that), no descriptor but 0, 1, 2 and those of `keep`, limits as they
   * were, and in the directory where coffer was started. Returns only by throwing an error with the errno as its `code`.
   * @param argv a string is UTF-8  @param env "NAME=value" each  @param state what the launcher noted, of environment.ts
   */
  exec(
    path: string | Uint8Array,
    argv: readonly (string | Uint8Array)[],
    env: readonly (string | Uint8Array)[],
    keep: readonly number[],
    state: string | null,
  ): never;
}

/** Stands in a text where the add-on puts what happened and in which function. */
export const WHAT_HAPPENED = '\ue000';

let guard: Guard | null = null;

/** The add-on, loaded at the first call. @throws ConfigError `addon_missing` */
export function loadGuard(): Guard {
  guard ??= load();
  return guard;
}

/** The add-on if it was loaded: a command that needs no PKCS#11 module does without. */
export function loadedGuard(): Guard | null {
  return guard;
}

function load(): Guard {
  const exports = loadAddon('guard');
  if (isGuard(exports)) return exports;
  throw addonMissing(addonFile('guard'), 'it is of another version of coffer');
}

const FUNCTIONS = [
  'install',
  'load',
  'enter',
  'leave',
  'enterBackground',
  'leaveBackground',
  'keep',
  'undo',
  'done',
  'redirectOutput',
  'restoreOutput',
  'leaving',
  'quit',
  'account',
  'harden',
  'environment',
  'memoryFile',
  'nameFile',
  'exec',
] as const satisfies readonly (keyof Guard)[];

function isGuard(exports: object): exports is Guard {
  return FUNCTIONS.every((name) => typeof Reflect.get(exports, name) === 'function');
}
