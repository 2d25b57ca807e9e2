import {
  addCustomEqualityTesters,
  ASYMMETRIC_MATCHERS_OBJECT,
  chai,
  ChaiStyleAssertions,
  customMatchers,
  type ExpectStatic,
  getState,
  GLOBAL_EXPECT,
  JestAsymmetricMatchers,
  JestChaiExpect,
  JestExtend,
  setState,
} from '@vitest/expect';
import { fn, restoreAllMocks, spyOn } from '@vitest/spy';

// What a test finds as `vitest` within the compiled program: vitest's own parts, without the process around them.

export { afterAll, afterEach, beforeAll, beforeEach, describe, it, onTestFinished, test } from '@vitest/runner';

export const vi = { fn, spyOn, restoreAllMocks, mocked: <T>(mock: T): T => mock };

for (const plugin of [JestExtend, JestChaiExpect, ChaiStyleAssertions, JestAsymmetricMatchers]) chai.use(plugin);

export const expect = makeExpect();
Reflect.set(globalThis, GLOBAL_EXPECT, expect);

function makeExpect(): ExpectStatic {
  const made: ExpectStatic = Object.assign(
    (value: unknown, message?: string) => chai.expect(value, message),
    chai.expect,
    Reflect.get(globalThis, ASYMMETRIC_MATCHERS_OBJECT) as object,
    { getState: () => getState(made), setState: (state: object) => setState(state, made) },
    { addEqualityTesters: addCustomEqualityTesters, assert: chai.assert },
    {
      extend: (matchers: object) => {
        const extend: unknown = Reflect.get(chai.expect, 'extend');
        if (typeof extend === 'function') Reflect.apply(extend, chai.expect, [made, matchers]);
      },
    },
  ) as ExpectStatic;
  setState({ assertionCalls: 0 }, made);
  made.extend(customMatchers);
  return made;
}
