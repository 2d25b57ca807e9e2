import type { EngineContext } from '../engine.ts';
import { row } from '../kv1.ts';
import { newMetadata, storeMetadata, versionRow } from './metadata.ts';

/** Turns every secret of a version 1 mount into version 1 of a versioned secret, folder by folder. */
export async function upgradeToVersions(context: EngineContext, folder = ''): Promise<void> {
  const { view, now } = context;
  for (const entry of await view.list(row(folder))) {
    const path = folder === '' ? entry.name : `${folder}/${entry.name}`;
    if (entry.folder) {
      await upgradeToVersions(context, path);
      continue;
    }
    const content = await view.get(row(path));
    if (content === null) continue;
    await view.put(versionRow(path, 1), content);
    await storeMetadata(context, path, {
      ...newMetadata(now),
      current: 1,
      versions: { 1: { created: now, deletion: null, destroyed: false } },
    });
    await view.delete(row(path));
  }
}
