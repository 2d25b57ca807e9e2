/** The names that may stand in a configuration file. */
import { sealVariables } from './variables.ts';

/** The keys of the stanza of the pkcs11 seal. */
export type Pkcs11Key = keyof typeof sealVariables;
export const pkcs11Keys: readonly string[] = Object.keys(sealVariables);

/** OpenBao's other names for them. */
export const synonyms: ReadonlyMap<string, Pkcs11Key> = new Map([
  ['module', 'lib'],
  ['token', 'token_label'],
  ['label', 'key_label'],
]);

/** Keys of the stanza that mean nothing to a command with one seal: their values are never read. */
export const serverOnlyInSeal: ReadonlySet<string> = new Set([
  'health_check_enabled',
  'health_check_interval',
  'health_check_interval_unhealthy',
  'health_check_timeout',
  'purpose',
]);

/** Keys whose value is or may hold a PIN: it never reaches the cache. */
export const secretKeys: readonly string[] = ['pin', 'uri'] satisfies Pkcs11Key[];

/** Keys whose value is a number or an id, which may be written bare in hexadecimal. */
export const hexKeys: ReadonlySet<string> = new Set<Pkcs11Key>([
  'hmac_key_id',
  'hmac_mechanism',
  'key_id',
  'max_parallel',
  'mechanism',
  'priority',
  'slot',
]);

/** The stanzas that coffer reads, by kind, with the keys of each. */
export const stanzaKeys: ReadonlyMap<string, readonly string[]> = new Map<string, readonly string[]>([
  ['storage "sqlite"', ['path']],
  ['seal "pkcs11"', [...pkcs11Keys, ...synonyms.keys(), ...serverOnlyInSeal]],
  ['entropy "seal"', ['mode']],
]);

/** Stanzas by name alone: other types of these are refused with a reason of their own. */
export const stanzaNames: readonly string[] = ['storage', 'backend', 'seal', 'hsm', 'kms', 'entropy'];

/** The top-level keys whose value coffer looks at. */
export const topLevelKeys: readonly string[] = ['auto_unseal', 'disable_sealwrap', 'store_id'];

/** Stanzas and keys of a Vault or OpenBao server file that mean nothing to a command without a server. */
export const serverOnly: ReadonlySet<string> = new Set([
  'adaptive_overload_protection',
  'administrative_namespace_path',
  'allow_audit_log_prefixing',
  'allow_unauthenticated_rekey',
  'allow_unauthenticated_workflows',
  'api_addr',
  'audit',
  'cache_size',
  'cloud',
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
  'disable_standby_reads',
  'enable_multiseal',
  'enable_post_unseal_trace',
  'enable_response_header_hostname',
  'enable_response_header_raft_node_id',
  'enable_ui',
  'experiments',
  'ha_backend',
  'ha_storage',
  'imprecise_lease_role_tracking',
  'initialize',
  'introspection_endpoint',
  'kms_library',
  'license_entitlement',
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
  'plugin',
  'plugin_auto_download',
  'plugin_auto_register',
  'plugin_directory',
  'plugin_download_behavior',
  'plugin_download_max_size',
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
  'unsafe_allow_api_audit_creation',
  'unsafe_cross_namespace_identity',
  'user_lockout',
]);
