import { UsageError } from '../../errors.ts';

/** Whether a variable can be given this name: what shells take, and "." and "-", which other programs use. */
export function isVariableName(name: string): boolean {
  return /^[A-Za-z_][\w.-]*$/.test(name);
}

/**
 * The variables for all fields of a secret, each with its field.
 * @param format {FIELD} and {SECRET}, the last name of the path, in upper case, {field} and {secret} as they are; null for {FIELD}
 * @throws UsageError `bad_flag` where a name is none, or two fields would have the same
 */
export function fieldNames(
  path: string,
  fields: readonly string[],
  format: string | null,
): readonly (readonly [name: string, field: string])[] {
  const found = new Map<string, string>();
  for (const field of fields) {
    const name = formatted(format ?? '{FIELD}', field, path.slice(path.lastIndexOf('/') + 1));
    if (!isVariableName(name)) {
      throw new UsageError('bad_flag', `the field ${JSON.stringify(field)} of ${path} gives no name of a variable`, {
        hint: 'choose names with -name-format, for example APP_{FIELD}; or hand on single fields with -env',
      });
    }
    const other = found.get(name);
    if (other !== undefined) {
      const both = `${JSON.stringify(other)} and ${JSON.stringify(field)}`;
      throw new UsageError('bad_flag', `the fields ${both} of ${path} would both be the variable ${name}`, {
        hint: 'choose names with -name-format, where {field} keeps capitals; or hand on single fields with -env',
      });
    }
    found.set(name, field);
  }
  return [...found];
}

function formatted(format: string, field: string, secret: string): string {
  const unknown = /\{(?!(?:FIELD|field|SECRET|secret)\})[^}]*\}?/.exec(format);
  if (unknown !== null || !/\{field\}/i.test(format)) {
    throw new UsageError('bad_flag', '-name-format has {FIELD} or {field}, and perhaps {SECRET} or {secret}', {
      hint: 'for example -name-format=APP_{FIELD}',
    });
  }
  const parts: Readonly<Record<string, string>> = {
    field,
    FIELD: field.toUpperCase(),
    secret,
    SECRET: secret.toUpperCase(),
  };
  return format.replace(/\{(\w+)\}/g, (_, part: string) => (parts[part] ?? '').replace(/[^A-Za-z0-9_]/g, '_'));
}
