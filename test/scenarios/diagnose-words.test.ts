import { chmodSync } from 'node:fs';
import { afterEach, describe, expect, it } from 'vitest';
import { configuration, makeStand, type RunOptions, type Stand, type StandOptions } from '../support/store.ts';

let stand: Stand;
afterEach(() => stand.remove());

interface Check {
  readonly name: string;
  readonly status: string;
  readonly message: string;
}

function diagnose(options: RunOptions = {}): Check[] {
  const { stdout } = stand.run(['diagnose', '-format=json'], options);
  return (JSON.parse(stdout) as { checks: Check[] }).checks;
}

const named = (checks: readonly Check[], name: string): Check[] => checks.filter((check) => check.name === name);

describe('the PIN source of diagnose', () => {
  const withPin = (line: string): void => {
    stand = makeStand();
    stand.write('coffer.hcl', configuration(stand).replace(/ *pin .*= .*\n/, `  ${line}\n`));
  };

  it.each([
    ['COFFER_HSM_PIN', { COFFER_HSM_PIN: '1234', VAULT_HSM_PIN: '9999' }],
    ['BAO_HSM_PIN', { BAO_HSM_PIN: '1234' }],
    ['VAULT_HSM_PIN', { VAULT_HSM_PIN: '1234' }],
  ])('is the variable that gives it, whatever the stanza says: %s', (name, env) => {
    withPin('pin = "file:/nowhere"');
    expect(named(diagnose({ env }), 'PIN source')).toMatchObject([
      { status: 'ok', message: `environment variable ${name}` },
    ]);
  });

  it('is the place in the file that holds it', () => {
    withPin('pin = "1234"');
    const [found] = named(diagnose(), 'PIN source');
    expect(found?.message).toMatch(/coffer\.hcl:\d+:3: seal "pkcs11": pin$/);
    expect(found?.message.startsWith(stand.dir)).toBe(true);
    withPin(`uri = "pkcs11:token=demo?pin-value=1234"`);
    expect(named(diagnose(), 'PIN source')[0]?.message).toMatch(/coffer\.hcl:\d+:3: seal "pkcs11": uri: pin-value$/);
  });

  it('is named where pin names it', () => {
    withPin('pin = "env:MY_PIN"');
    expect(named(diagnose({ env: { MY_PIN: '1234' } }), 'PIN source')).toMatchObject([
      { status: 'ok', message: 'environment variable MY_PIN, which pin names' },
    ]);
    stand.remove();
    withPin('pin = "credential:hsm"');
    stand.write('credentials/hsm', '1234\n');
    const env = { CREDENTIALS_DIRECTORY: `${stand.dir}/credentials` };
    expect(named(diagnose({ env }), 'PIN source')).toMatchObject([
      { status: 'ok', message: 'the systemd credential hsm, which pin names' },
    ]);
  });

  it('is one failure where it gives nothing, and never an ok before that', () => {
    withPin('pin = "env:MY_PIN"');
    expect(named(diagnose(), 'PIN source')).toMatchObject([
      { status: 'failure', message: 'environment variable MY_PIN, which pin names, is not set or empty' },
    ]);
  });

  it("is not the configuration's, whoever can read that, where the environment gives the PIN", () => {
    withPin('pin = "1234"');
    chmodSync(stand.config, 0o644);
    expect(named(diagnose({ env: { COFFER_HSM_PIN: '1234' } }), 'PIN source')).toMatchObject([{ status: 'ok' }]);
    expect(named(diagnose(), 'PIN source')).toMatchObject([{ status: 'warning' }]);
  });
});

describe('diagnose', () => {
  const opened = (options: StandOptions = {}): void => {
    stand = makeStand(options);
    stand.open();
  };

  it('takes a token without mechanisms for none that can serve, and sends it no PIN', () => {
    opened({ shim: true });
    const checks = diagnose({ env: { COFFER_SHIM_FAULT: 'no-mechanisms' } });
    expect(named(checks, 'token')).toMatchObject([
      {
        status: 'failure',
        message: expect.stringMatching(/^the token "demo" in slot \d+ has no mechanisms/) as string,
      },
    ]);
    expect(named(checks, 'login')).toMatchObject([{ status: 'skipped' }]);
  });

  it('counts one as one', () => {
    opened();
    stand.ok('secrets', 'enable', '-seal-wrap', 'kv');
    const one = diagnose();
    expect(named(one, 'mount table')[0]?.message).toBe('1 mount');
    expect(named(one, 'rows')[0]?.message).toBe('0 rows of 1 mount');
    expect(named(one, 'seal wrap')[0]?.message).toBe('1 record under the configured keys');
    chmodSync(stand.path, 0o644);
    expect(stand.run(['diagnose']).stdout).toMatch(/\n\d+ ok, 1 warning, 0 failures, 0 skipped\n$/);
    stand.ok('secrets', 'enable', '-path=b', 'kv');
    stand.ok('kv', 'put', 'kv/a', 'b=c');
    const more = diagnose();
    expect(named(more, 'mount table')[0]?.message).toBe('2 mounts');
    expect(named(more, 'rows')[0]?.message).toBe('1 row of 2 mounts');
  });
});
