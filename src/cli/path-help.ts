import type { KnownParameters, Parameter, PathDescription, RouteDescription, Takes } from '../core/index.ts';
import type { JsonObject, JsonValue } from '../json.ts';
import { shellWord } from '../shell.ts';

/** One path in full; of several what each takes by name. */
export function pathHelpText({ single, routes }: PathDescription): string {
  return single ? routes.map(wholeText).join('\n\n') : routes.map(briefText).join('\n\n');
}

/** A list with an object for each path. */
export function pathHelpObject({ routes }: PathDescription): JsonValue {
  return routes.map((route) => ({
    path: route.path,
    operations: [...route.operations],
    help: route.help,
    parameters: Object.fromEntries(route.takes.map(([operation, takes]) => [operation, takesObject(takes)])),
    example: exampleLine(route),
  }));
}

function briefText({ path, operations, help, takes }: RouteDescription): string {
  const names = takes.flatMap(([operation, known]) => {
    const text = known === 'anything' ? ANYTHING : inOrder(known).join(', ');
    return text === '' ? [] : [`    ${operation}: ${text}`];
  });
  return [path, `    ${operations.join(', ')}`, `    ${help}`, ...names].join('\n');
}

function wholeText(route: RouteDescription): string {
  const { path, operations, help, takes } = route;
  const parts = takes.map(([operation, known]) => {
    if (known === 'anything') return `${operation} takes ${ANYTHING}`;
    const lines = parameterLines(known, '    ');
    return lines.length === 0 ? `${operation} takes no parameters` : [`${operation} takes`, ...lines].join('\n');
  });
  const example = `for example\n    ${exampleLine(route)}`;
  return [[path, `    ${operations.join(', ')}`, `    ${help}`].join('\n'), ...parts, example].join('\n\n');
}

const ANYTHING = 'any KEY=VALUE';

function parameterLines(known: KnownParameters, indent: string): string[] {
  return inOrder(known).flatMap((name) => {
    const parameter = known[name];
    if (parameter === undefined) return [];
    return [
      `${indent}${name} (${manner(parameter)})`,
      `${indent}    ${parameter.help}`,
      ...parameterLines(parameter.members ?? {}, `${indent}    `),
    ];
  });
}

function manner({ type, required, preset }: Parameter): string {
  if (required) return `${type}, required`;
  return preset === null ? type : `${type}, default ${preset}`;
}

/** What must be given first. */
function inOrder(known: KnownParameters): string[] {
  const names = Object.keys(known);
  return [...names.filter((name) => known[name]?.required), ...names.filter((name) => known[name]?.required === false)];
}

function takesObject(takes: Takes): JsonValue {
  return takes === 'anything' ? takes : parametersObject(takes);
}

function parametersObject(known: KnownParameters): JsonObject {
  return Object.fromEntries(
    Object.entries(known).map(([name, { type, help, required, preset, members }]) => [
      name,
      {
        type,
        required,
        ...(preset === null ? {} : { default: preset }),
        help,
        ...(members === null ? {} : { members: parametersObject(members) }),
      },
    ]),
  );
}

function exampleLine({ example: { operation, path, data } }: RouteDescription): string {
  const force = operation === 'write' && data === '' ? ' -f' : '';
  return `coffer ${operation}${force} ${shellWord(path)}${data === '' ? '' : ` ${data}`}`;
}
