/** The names that may stand in a configuration file. */

export const pkcs11Keys = [
  'lib',
  'slot',
  'token_label',
  'serial',
  'uri',
  'pin',
  'key_label',
  'key_id',
  'hmac_key_label',
  'hmac_key_id',
  'default_key_label',
  'default_hmac_key_label',
  'mechanism',
  'hmac_mechanism',
  'generate_key',
  'rsa_oaep_hash',
  'rsa_encrypt_local',
  'force_rw_session',
  'max_parallel',
  'name',
  'priority',
  'disabled',
] as const;

export type Pkcs11Key = (typeof pkcs11Keys)[number];

/** The stanzas that coffer reads, by title, with the keys of each. */
export const stanzaKeys: ReadonlyMap<string, readonly string[]> = new Map<string, readonly string[]>([
  ['storage "sqlite"', ['path']],
  ['seal "pkcs11"', pkcs11Keys],
  ['entropy "seal"', ['mode']],
]);

/** Stanzas by name alone: other types of these are refused with a reason of their own. */
export const stanzaNames: readonly string[] = ['storage', 'seal', 'entropy'];

/** The top-level keys whose value coffer looks at. */
export const topLevelKeys: readonly string[] = ['auto_unseal', 'disable_sealwrap'];

/** Stanzas and keys of a Vault server file that mean nothing to a command without a server. */
export const serverOnly: ReadonlySet<string> = new Set([
  'administrative_namespace_path',
  'allow_audit_log_prefixing',
  'allow_unauthenticated_rekey',
  'api_addr',
  'backend',
  'cache_size',
  'cluster_addr',
  'cluster_cipher_suites',
  'cluster_name',
  'default_lease_ttl',
  'default_max_request_duration',
  'detect_deadlocks',
  'disable_cache',
  'disable_clustering',
  'disable_indexing',
  'disable_mlock',
  'disable_performance_standby',
  'disable_printable_check',
  'disable_sentinel_trace',
  'enable_multiseal',
  'enable_post_unseal_trace',
  'enable_response_header_hostname',
  'enable_response_header_raft_node_id',
  'enable_ui',
  'experiments',
  'ha_backend',
  'ha_storage',
  'imprecise_lease_role_tracking',
  'introspection_endpoint',
  'kms_library',
  'license_path',
  'listener',
  'log_file',
  'log_format',
  'log_level',
  'log_requests_level',
  'log_rotate_bytes',
  'log_rotate_duration',
  'log_rotate_max_files',
  'max_lease_ttl',
  'observations',
  'pid_file',
  'plugin_directory',
  'plugin_file_permissions',
  'plugin_file_uid',
  'plugin_tmpdir',
  'post_unseal_trace_directory',
  'raw_storage_endpoint',
  'remove_irrevocable_lease_after',
  'replication',
  'reporting',
  'request_limiter',
  'sentinel',
  'service_registration',
  'telemetry',
  'ui',
  'user_lockout',
]);

/** The known name with the fewest edits from `name`, or null when none is near enough to be a slip of the hand. */
export function nearest(name: string, known: Iterable<string>): string | null {
  let best: string | null = null;
  let bestDistance = Math.max(2, Math.floor(name.length / 3)) + 1;
  for (const candidate of known) {
    const distance = editDistance(name.toLowerCase(), candidate);
    if (distance < bestDistance) {
      best = candidate;
      bestDistance = distance;
    }
  }
  return best;
}

/** Insertions, deletions, substitutions and swaps of neighbours (optimal string alignment). */
function editDistance(a: string, b: string): number {
  let beforePrevious: number[] = [];
  let previous = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    const of = (numbers: number[], j: number): number => numbers[j] ?? Infinity;
    for (let j = 1; j <= b.length; j++) {
      const substitution = of(previous, j - 1) + (a[i - 1] === b[j - 1] ? 0 : 1);
      const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      const swap = swapped ? of(beforePrevious, j - 2) + 1 : Infinity;
      row.push(Math.min(of(previous, j) + 1, of(row, j - 1) + 1, substitution, swap));
    }
    beforePrevious = previous;
    previous = row;
  }
  return previous[b.length] ?? Infinity;
}
