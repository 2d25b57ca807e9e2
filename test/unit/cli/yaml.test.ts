import { expect, it } from 'vitest';
import { printEntries } from '../../../src/cli/output.ts';
import type { Invocation } from '../../../src/cli/command.ts';
import { parseJson } from '../../../src/json.ts';

async function yaml(json: string): Promise<string> {
  const printed: string[] = [];
  const terminal = { print: (text: string) => void printed.push(`${text}\n`) } as Invocation['terminal'];
  await printEntries({ terminal, format: 'yaml', field: null }, parseJson(json), () => '');
  return printed.join('');
}

it.each(['12345678901234567890', '-98765432109876543210', '0'])('YAML keeps the integer %s', async (number) => {
  expect(await yaml(`{"n":${number}}`)).toBe(`n: ${number}\n`);
});

it.each(['1.10', '0.1000000000000000055511151231257827', '1e400', '-0'])('YAML keeps the number %s', async (number) => {
  expect(await yaml(`{"n":${number}}`)).toBe(`n: ${number}\n`);
});
