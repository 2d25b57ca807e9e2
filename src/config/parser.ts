/** hcl2-parser, which brings no types. Loading it takes longer than starting Node, so only a cache miss does. */

type ParseToObject = (text: string) => unknown;

/** A function that gives a text's stanzas and keys as an object, blocks as arrays; null where it is not HCL. */
export async function loadParser(): Promise<(text: string) => unknown> {
  const loaded: unknown = await import('hcl2-parser');
  const parseToObject = memberOf(memberOf(loaded, 'default'), 'parseToObject');
  if (!isFunction(parseToObject)) throw new TypeError('hcl2-parser has no parseToObject');
  return (text) => {
    const answer = parseToObject(text);
    if (!Array.isArray(answer)) return null;
    // [object, null], or [null, {}] without a reason
    const fields: unknown[] = answer;
    const [parsed, failure] = fields;
    return failure === null ? parsed : null;
  };
}

function memberOf(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null && name in value ? Reflect.get(value, name) : undefined;
}

function isFunction(value: unknown): value is ParseToObject {
  return typeof value === 'function';
}
