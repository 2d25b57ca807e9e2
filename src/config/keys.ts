/** The names that may stand in a configuration file. */
import { sealVariables } from './variables.ts';

/** The keys of the stanza of the pkcs11 seal. */
export type Pkcs11Key = keyof typeof sealVariables;
export const pkcs11Keys: readonly string[] = Object.keys(sealVariables);

/** Keys whose value is or may hold a PIN: it never reaches the cache. */
export const secretKeys: readonly string[] = ['pin', 'uri'] satisfies Pkcs11Key[];

/** The stanzas that coffer reads, by title, with the keys of each. */
export const stanzaKeys: ReadonlyMap<string, readonly string[]> = new Map<string, readonly string[]>([
  ['storage "sqlite"', ['path']],
  ['seal "pkcs11"', pkcs11Keys],
  ['entropy "seal"', ['mode']],
]);

/** Stanzas by name alone: other types of these are refused with a reason of their own. */
export const stanzaNames: readonly string[] = ['storage', 'seal', 'entropy'];

/** The top-level keys whose value coffer looks at. */
export const topLevelKeys: readonly string[] = ['auto_unseal', 'disable_sealwrap', 'store_id'];

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
