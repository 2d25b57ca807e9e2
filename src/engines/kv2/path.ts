import type { PathParts } from '../engine.ts';
import { missingPath } from '../kv.ts';

/** The secret that a route's `*path` names. @throws UsageError `missing_path` for none */
export function secretPath(parts: PathParts): string {
  const path = parts['path'] ?? '';
  if (path === '') throw missingPath();
  return path;
}
