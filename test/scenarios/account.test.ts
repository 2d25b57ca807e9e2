import { execFileSync } from 'node:child_process';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { copyStore, makeStand, OWN_ROWS, readRows, type Stand } from '../support/store.ts';

/** As the system's user database has it. */
const [name = '', , , , , home = ''] = execFileSync('getent', ['passwd', String(process.getuid?.())], {
  encoding: 'utf8',
}).split(':');

describe('who runs coffer', () => {
  let stand: Stand;
  beforeAll(() => {
    stand = makeStand();
    stand.open();
  });
  afterAll(() => stand.remove());

  it.each([
    { USER: 'mallory', LOGNAME: 'mallory', HOME: '/nowhere' },
    { USER: '', LOGNAME: '', HOME: '' },
  ])('is recorded in the lease as the system knows them, with %j too', (env) => {
    stand.ok('seal');
    expect(stand.run(['unseal'], { env })).toMatchObject({ status: 0 });
    expect(stand.ok('operator', 'diagnose')).toContain(`unsealed by ${name},`);
    const lease = readRows(copyStore(stand.path, `${stand.dir}/copy`)).find(({ path }) => path === OWN_ROWS.lease);
    expect(lease?.value.toString('latin1')).toContain(name);
  });

  it('has the home directory that the system knows, where HOME is not set', () => {
    const env = { HOME: '', USER: 'mallory', XDG_CONFIG_HOME: '', COFFER_CONFIG: '' };
    const { stderr } = stand.run(['operator', 'diagnose', '-format=json'], { env });
    const { stdout } = stand.run(['operator', 'diagnose'], { env });
    expect(stderr + stdout).toContain(`${home}/.config/coffer/coffer.hcl`);
  });
});
