import type { Exposure, ExposureAttributes, KeyClass } from './types.ts';

/**
 * What is unsafe about a secret or private key, the worst first (PKCS#11 v2.40 sections 4.4, 4.7, 4.9 and 4.10). Nothing is said of
 * an attribute that the token does not tell, nor of a public key: its private half is what counts.
 */
export function exposuresOf({ class: keyClass, attributes }: Exposable): Exposure[] {
  if (keyClass === 'public') return [];
  const { private: isPrivate, extractable, sensitive, local } = attributes;
  const { never_extractable: never, always_sensitive: always } = attributes;
  // A key that came in has none of the three (PKCS#11 v2.40, C_CreateObject and C_UnwrapKey). NSS says that no key has
  // CKA_LOCAL, and keeps the other two.
  const isImported = local === false && never !== true && always !== true;
  return [
    ...(isPrivate === false ? ['public' as const] : []),
    ...(extractable === true ? ['extractable' as const] : []),
    ...(sensitive === false ? ['readable' as const] : []),
    ...(never === false && extractable !== true && !isImported ? ['once extractable' as const] : []),
    ...(always === false && sensitive !== false && !isImported ? ['once readable' as const] : []),
    ...(isImported ? ['imported' as const] : []),
  ];
}

type Exposable = { readonly class: KeyClass; readonly attributes: ExposureAttributes };

/** As the end of a sentence that begins with the key's name. */
export const EXPOSURE_TEXT: { readonly [exposure in Exposure]: string } = {
  public: 'can be used without a PIN by whoever reaches the token (CKA_PRIVATE is false)',
  extractable: 'can leave the HSM (CKA_EXTRACTABLE is true)',
  readable: 'can be read in the clear (CKA_SENSITIVE is false)',
  'once extractable': 'could leave the HSM at some time (CKA_NEVER_EXTRACTABLE is false)',
  'once readable': 'could be read in the clear at some time (CKA_ALWAYS_SENSITIVE is false)',
  imported: 'was not made in the HSM, so that somebody may have a copy of it (CKA_LOCAL is false)',
};

/** Those that hold now, whatever became of the key before. */
export const PRESENT_EXPOSURES: readonly Exposure[] = ['public', 'extractable', 'readable'];
