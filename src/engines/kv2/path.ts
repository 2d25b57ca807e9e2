import type { Parameters } from '../engine.ts';
import { missingPath } from '../kv.ts';

/** The secret that a route's `*path` names. @throws UsageError `missing_path` for none */
export function secretPath(parameters: Parameters): string {
  const path = parameters['path'] ?? '';
  if (path === '') throw missingPath();
  return path;
}
