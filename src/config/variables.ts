/**
 * The variables that coffer has names for, each under what it says. Coffer's own name comes first; OpenBao's is read where
 * that is not set, and Vault's where neither is, as OpenBao reads them. Nothing outside of this folder reads one of them by its name.
 */
export type Environment = Readonly<Record<string, string | undefined>>;

/** Makes a process one try of `coffer unseal`: the number of the descriptor that its reports go to. */
export const TRY_VARIABLE = 'COFFER_UNSEAL_TRY';

/** By the seal's parameters, all that the stanza may hold. Note the order of words of the last default. */
export const sealVariables = {
  lib: seal('LIB'),
  library_parameters: seal('LIBRARY_PARAMETERS'),
  slot: seal('SLOT'),
  token_label: seal('TOKEN_LABEL'),
  serial: seal('SERIAL'),
  uri: seal('URI'),
  pin: seal('PIN'),
  key_label: seal('KEY_LABEL'),
  key_id: seal('KEY_ID'),
  hmac_key_label: seal('HMAC_KEY_LABEL'),
  hmac_key_id: seal('HMAC_KEY_ID'),
  previous_key_label: seal('PREVIOUS_KEY_LABEL'),
  previous_key_id: seal('PREVIOUS_KEY_ID'),
  previous_hmac_key_label: seal('PREVIOUS_HMAC_KEY_LABEL'),
  previous_hmac_key_id: seal('PREVIOUS_HMAC_KEY_ID'),
  default_key_label: seal('DEFAULT_KEY_LABEL'),
  default_hmac_key_label: seal('HMAC_DEFAULT_KEY_LABEL'),
  mechanism: seal('MECHANISM'),
  hmac_mechanism: seal('HMAC_MECHANISM'),
  generate_key: seal('GENERATE_KEY'),
  rsa_oaep_hash: seal('RSA_OAEP_HASH'),
  rsa_encrypt_local: seal('RSA_ENCRYPT_LOCAL'),
  disable_software_encryption: seal('DISABLE_SOFTWARE_ENCRYPTION'),
  force_rw_session: seal('FORCE_RW_SESSION'),
  max_parallel: seal('MAX_PARALLEL'),
  anchor: seal('ANCHOR'),
  timeout: seal('TIMEOUT'),
  name: seal('NAME'),
  priority: seal('PRIORITY'),
  disabled: seal('DISABLED'),
};

export const variables = {
  config: ['COFFER_CONFIG'],
  format: ['COFFER_FORMAT', 'BAO_FORMAT', 'VAULT_FORMAT'],
  detailed: ['COFFER_DETAILED', 'BAO_DETAILED', 'VAULT_DETAILED'],
  // NO_COLOR is everybody's, and counts where it is empty, too.
  no_color: ['BAO_CLI_NO_COLOR', 'VAULT_CLI_NO_COLOR'],
  debug: ['COFFER_DEBUG'],
  storage_path: ['COFFER_STORAGE_PATH'],
  // Vault's older name is the last.
  seal_type: ['COFFER_SEAL_TYPE', 'BAO_SEAL_TYPE', 'VAULT_SEAL_TYPE', 'VAULT_HSM_TYPE'],
  // The PINs that `hsm init-token` gives a token, which Vault has no command for.
  new_so_pin: ['COFFER_HSM_SO_PIN'],
  new_pin: ['COFFER_HSM_PIN'],
  unseal_try: [TRY_VARIABLE],
  // The server that secrets are imported from.
  server_address: ['BAO_ADDR', 'VAULT_ADDR'],
  server_token: ['BAO_TOKEN', 'VAULT_TOKEN'],
  server_namespace: ['BAO_NAMESPACE', 'VAULT_NAMESPACE'],
  server_ca: ['BAO_CACERT', 'VAULT_CACERT'],
  server_timeout: ['BAO_CLIENT_TIMEOUT', 'VAULT_CLIENT_TIMEOUT'],
  ...sealVariables,
} satisfies Readonly<Record<string, readonly string[]>>;

/** Of the client of such a server: what says whom it talks to and trusts, and is not read. */
export const unreadOfServer: readonly string[] = [
  ...['SKIP_VERIFY', 'CAPATH', 'CACERT_BYTES', 'CLIENT_CERT', 'CLIENT_KEY', 'TLS_SERVER_NAME'],
  ...['AGENT_ADDR', 'PROXY_ADDR', 'HTTP_PROXY'],
].flatMap((name) => [`BAO_${name}`, `VAULT_${name}`]);

/** The value of a variable, null where it is not set; the empty string counts as not set. */
export function variable(env: Environment, what: keyof typeof variables): string | null {
  return firstSet(env, variables[what])?.value ?? null;
}

/** The first of the names of a variable under which it is set, and its value; null where it is not set. */
export function firstSet(
  env: Environment,
  names: readonly string[],
): { readonly name: string; readonly value: string } | null {
  for (const name of names) {
    const value = env[name];
    if (value) return { name, value };
  }
  return null;
}

/** The names of those in `env` that go before a configuration file, but for the PIN, which is made for that. */
export function overrides(env: Environment): string[] {
  const { pin, ...others } = sealVariables;
  const known = [variables.storage_path, variables.seal_type, ...Object.values(others)].flat();
  return Object.keys(env).filter((name) => known.includes(name) && !pin.includes(name) && env[name] !== '');
}

/**
 * Whether a variable holds a PIN, for whoever starts another command: what is for coffer alone is not handed on. Beside the variables
 * for a PIN, also with the name of a seal behind them, that is those that the configuration names, and a URI with a PIN in it.
 * @param named `pinVariables` of the configuration
 */
export function holdsPin(name: string, value: string, named: readonly string[]): boolean {
  const known = [...variables.pin, ...variables.new_pin, ...variables.new_so_pin];
  return (
    known.some((one) => name === one || name.startsWith(`${one}_`)) ||
    named.includes(name) ||
    (variables.uri.includes(name) && value.includes('pin-value'))
  );
}

function seal(suffix: string): readonly string[] {
  return [`COFFER_HSM_${suffix}`, `BAO_HSM_${suffix}`, `VAULT_HSM_${suffix}`];
}
