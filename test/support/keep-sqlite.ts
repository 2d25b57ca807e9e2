import Sqlite from 'better-sqlite3';

/**
 * Before every test file: nothing of better-sqlite3 that a test uses is given to the garbage collector, for the reason that
 * src/storage/connection.ts says. Tests prepare their PRAGMA statements, since `pragma()` makes one that nobody holds.
 */
const kept = new Set<unknown>();
for (const name of ['prepare', 'exec', 'close']) {
  const method: unknown = Reflect.get(Sqlite.prototype, name);
  if (typeof method !== 'function') throw new TypeError(`better-sqlite3 has no ${name}()`);
  const keeping = new Proxy(method, {
    apply(call, database: unknown, args) {
      const result: unknown = Reflect.apply(call, database, args);
      kept.add(database).add(result);
      return result;
    },
  });
  Reflect.set(Sqlite.prototype, name, keeping);
}
